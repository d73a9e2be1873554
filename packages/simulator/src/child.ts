/** The process of `runInChild`: runs what its first message says, reports, and ends with whoever started it. */
import type { ChildProgress, ChildRunPlan, FromChild, ToChild } from './child-run.ts';
import { SimulatorError } from './errors.ts';
import { readSettings } from './options.ts';
import { run } from './run.ts';
import { readSteps } from './scenario.ts';

let quit = (): void => {};
let wantsQuit = false;

const send = (message: FromChild, sent: () => void = () => {}): void => void process.send?.(message, sent);

async function answer({ url, headers, options, steps }: ChildRunPlan): Promise<FromChild> {
  try {
    const script = steps === undefined ? undefined : readSteps(steps);
    const result = await run(
      { url, headers },
      readSettings(options),
      {
        began: (controls) => {
          quit = controls.quit;
          if (wantsQuit) quit();
        },
        // JSON leaves out what is undefined.
        progress: (progress) => send({ progress: { ...progress, points: undefined } as ChildProgress }),
      },
      script,
    );
    return { result };
  } catch (error) {
    const { message } = error as Error;
    return { error: { code: error instanceof SimulatorError ? error.code : undefined, message } };
  }
}

process.on('disconnect', () => process.exit(1));
process.on('message', (message: ToChild) => {
  if ('quit' in message) {
    wantsQuit = true;
    quit();
  } else void answer(message.plan).then((found) => send(found, () => process.exit(0)));
});
