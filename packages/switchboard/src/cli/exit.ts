import { SwitchboardError, asSwitchboardError } from '../protocol/errors.ts';
import type { ErrorName } from '../protocol/errors.ts';
import { statusOf } from '../transports/failure.ts';
import type { PipeChannel } from '../transports/stdio/pipes.ts';
import { clean } from './table.ts';

/** What the command's exit codes mean; `docs/reference/cli.md` has the same table. */
export const EXIT = {
  done: { code: 0, meaning: 'it ended as it should' },
  failed: { code: 1, meaning: 'something failed; the message says what' },
  usage: { code: 2, meaning: 'the command line is not valid' },
  config: { code: 3, meaning: 'the configuration is not valid' },
  listen: { code: 4, meaning: 'the address cannot be listened on' },
  unreachable: { code: 5, meaning: 'the server cannot be reached or started' },
  tool: { code: 6, meaning: 'the tool answered with an error' },
  threshold: { code: 7, meaning: 'a threshold of `simulate` was broken' },
  unauthorized: { code: 8, meaning: 'the token, key or certificate is missing or not accepted' },
} as const;

const BY_ERROR: Partial<Record<ErrorName, keyof typeof EXIT>> = {
  SWB_USAGE: 'usage',
  SWB_SEVERAL_RUN: 'usage',
  SWB_CONFIG_INVALID: 'config',
  SWB_TLS_INVALID: 'config',
  SWB_PORT_IN_USE: 'listen',
  SWB_PUBLIC_BIND: 'listen',
  SWB_COMMAND_NOT_FOUND: 'unreachable',
  SWB_CONNECT_FAILED: 'unreachable',
  SWB_UPSTREAM_UNAVAILABLE: 'unreachable',
  SWB_UNAUTHORIZED: 'unauthorized',
  SWB_INSUFFICIENT_SCOPE: 'unauthorized',
};

/** Something on the command line is wrong. @param what the flag or argument, with the offending value, and what was expected */
export const usageError = (what: string): SwitchboardError => new SwitchboardError('SWB_USAGE', { detail: what });

/** Says why a client on stdin and stdout was cut off, if it was, and lets the process end as failed. */
export function reportCut({ closedFor }: PipeChannel): void {
  if (closedFor === undefined) return;
  const isSlow = closedFor.why === 'overloaded';
  process.exitCode = complain(
    new SwitchboardError(isSlow ? 'SWB_OVERLOADED' : 'SWB_CLIENT_GONE', { detail: closedFor.reason }),
  );
}

/** Lets the process end. What a client was cut off for not reading it would keep the process for as long as the client lives. */
export function leave(channel: PipeChannel | undefined): void {
  process.stdin.destroy();
  if (channel?.closedFor?.why === 'overloaded') process.exit();
}

/** Says on stderr what went wrong. @returns the exit code for it. */
export function complain(thrown: unknown): number {
  const error = asSwitchboardError(thrown);
  const unexpected = error.code === 'SWB_INTERNAL' && thrown instanceof Error;
  const text = unexpected ? (thrown.stack ?? thrown.message) : `${error.message} (${error.code})`;
  process.stderr.write(`switchboard: ${clean(text)}\n`);
  // A client that was asked for a key has connected, but is not let in.
  if (error.code === 'SWB_CONNECT_FAILED' && statusOf(error) === 401) return EXIT.unauthorized.code;
  return EXIT[BY_ERROR[error.code] ?? 'failed'].code;
}
