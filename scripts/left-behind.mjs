// A test that fails leaves work behind: what it had started before the assertion that failed, and what ends when its gateway closes. The
// faults of that belong to the failure, which is reported already; where a second try passes they must not fail the whole run. Any other
// fault that nobody handles goes on to Vitest, which fails the run for it.
import { beforeEach } from 'vitest';

let test;

beforeEach(({ task }) => {
  test = task;
});

// Vitest leaves a fault to a listener of the tests where there is one.
process.on('unhandledRejection', (error) => {
  throw error;
});
process.on('uncaughtException', function take(error) {
  const failures = test?.result?.errors?.length ?? 0;
  if (failures > 0) {
    console.error(`"${test.name}" failed, and left behind:`, error);
    return;
  }
  process.off('uncaughtException', take);
  process.emit('uncaughtException', error);
  process.on('uncaughtException', take);
});
