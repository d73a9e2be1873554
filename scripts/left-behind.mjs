// A test that fails leaves promises behind: what it had started before the assertion that failed, and what ends when its gateway closes.
// Their rejections belong to that failure, which is reported already; where a second try passes they must not fail the whole run. Any other
// rejection that nobody handles goes on to Vitest, which fails the run for it.
import { beforeEach } from 'vitest';

let test;

beforeEach(({ task }) => {
  test = task;
});

// Vitest leaves rejections to a listener of the tests where there is one. What is thrown here reaches it as an uncaught exception.
process.on('unhandledRejection', (error) => {
  const failures = test?.result?.errors?.length ?? 0;
  if (failures === 0) throw error;
  console.error(`"${test.name}" failed, and left behind:`, error);
});
