/** What the simulator itself cannot do. What a server does wrong is no error here: it is counted. */

/** How the command ends; `docs/reference/simulator.md` has the same table. */
export const EXIT = {
  done: { code: 0, meaning: 'the run ended, and every threshold was kept' },
  failed: { code: 1, meaning: 'something failed; the message says what' },
  usage: { code: 2, meaning: 'the command line or the scenario is not right' },
  unreachable: { code: 5, meaning: 'the server cannot be reached or started' },
  threshold: { code: 7, meaning: 'a threshold of `--fail-on` was broken' },
} as const;

/** Every error by name; `docs/reference/simulator.md` has the same table. */
export const ERRORS = {
  SIM_USAGE: { exit: 'usage', message: 'The command line is not right' },
  SIM_SCENARIO: { exit: 'usage', message: 'The scenario cannot be used' },
  SIM_UNREACHABLE: { exit: 'unreachable', message: 'The server cannot be reached or started' },
  SIM_FILE: { exit: 'failed', message: 'The file cannot be read or written' },
  SIM_ENDED: { exit: 'failed', message: 'The process of the run ended before its result' },
} as const;

/** The name of an error. */
export type ErrorName = keyof typeof ERRORS;

/** An error with a name out of {@link ERRORS}. Its message ends with the detail: what was found, and what to do. */
export class SimulatorError extends Error {
  readonly code: ErrorName;

  constructor(code: ErrorName, detail: string, cause?: unknown) {
    super(`${ERRORS[code].message}: ${detail}`, cause === undefined ? {} : { cause });
    this.name = 'SimulatorError';
    this.code = code;
  }

  /** One that was said in another process, in its words. */
  static said(code: ErrorName, message: string): SimulatorError {
    const error = new SimulatorError(code, '');
    error.message = message;
    return error;
  }
}
