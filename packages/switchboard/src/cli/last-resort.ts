/**
 * The last line of defence: a fault that belongs to nothing must not cut what is under way. It is told of with its stack, nobody new is
 * let in, what runs is finished as on a signal, and then the process ends with an error, as nobody knows what state it is in.
 */
import { randomBytes } from 'node:crypto';
import { hostname } from 'node:os';

import { EXIT } from './exit.ts';

/** After so many faults what is under way is not waited for any more. */
const MAX_FAULTS = 100;
/** How long the process may take to end once everything is closed, in ms. */
const EXIT_MS = 5000;

/** This process among all that run or have run, as it stands in the log. */
const INSTANCE = `${hostname()}-${process.pid}-${randomBytes(4).toString('hex')}`;

export interface LastResort {
  /** Reports a fault. */
  report(where: string, error: unknown): void;
  /** Finishes what is under way, and closes everything. */
  drain(): Promise<void>;
}

export function endOnFault({ report, drain }: LastResort): void {
  let faults = 0;
  const end = (kind: string, error: unknown): void => {
    faults++;
    process.exitCode = EXIT.failed.code;
    try {
      report(`${kind} in ${INSTANCE}`, error);
    } catch {
      // A log that fails is no reason to fail in turn.
    }
    if (faults >= MAX_FAULTS) process.exit(EXIT.failed.code);
    if (faults > 1) return;
    const exit = (): void => void setTimeout(() => process.exit(EXIT.failed.code), EXIT_MS).unref();
    drain().then(exit, exit);
  };
  process.on('uncaughtException', (error) => end('an uncaught exception', error));
  process.on('unhandledRejection', (reason) => end('an unhandled rejection', reason));
}
