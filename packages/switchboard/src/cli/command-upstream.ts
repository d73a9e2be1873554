/** The server that is given as words of the command line, with the variables that `--env` hands it. */
import { accessSync, constants, statSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import type { Command } from 'commander';

import type { CommandUpstream } from '../gateway/upstream-options.ts';
import { SwitchboardError } from '../protocol/errors.ts';
import { usageError } from './exit.ts';

const NAME = /^[A-Za-z_][A-Za-z0-9_]*$/;

/** Adds the flag `--env`. */
export const withEnvFlag = (command: Command): Command =>
  command.option(
    '--env <name[=value]>',
    'a variable for the server after --: one that is set here, or with its value; may be repeated',
    (each: string, all: string[]) => [...all, each],
    [],
  );

/**
 * @param env the values of `--env`: `NAME` or `NAME=value`. No message repeats a value.
 * @returns undefined without words.
 * @throws {SwitchboardError} `SWB_USAGE` naming what is wrong with `--env`.
 */
export function commandUpstream(
  [command, ...args]: readonly string[],
  env: readonly string[],
  environment: Readonly<Record<string, string | undefined>>,
): CommandUpstream | undefined {
  if (command === undefined && env.length > 0) {
    throw invalid('it is for the server after --, and there is none; in a file use env or inheritEnv of the server');
  }
  if (command === undefined) return undefined;
  const own: Record<string, string> = {};
  const inheritEnv: string[] = [];
  for (const flag of env) {
    const at = flag.indexOf('=');
    const name = at === -1 ? flag : flag.slice(0, at);
    if (!NAME.test(name)) throw invalid(`${JSON.stringify(name)} is not the name of a variable`);
    if (at !== -1) own[name] = flag.slice(at + 1);
    else if (environment[name] === undefined) throw invalid(`${name} is not set here; set it, or give ${name}=value`);
    else inheritEnv.push(name);
  }
  return {
    command,
    args,
    ...(Object.keys(own).length > 0 && { env: own }),
    ...(inheritEnv.length > 0 && { inheritEnv }),
  };
}

const invalid = (what: string): SwitchboardError => usageError(`--env: ${what}`);

/**
 * Refuses a command that is not there, before anything is started for it.
 *
 * @throws {SwitchboardError} `SWB_COMMAND_NOT_FOUND` with the command and what to do
 */
export function checkCommand(
  { command, env }: Pick<CommandUpstream, 'command' | 'env'>,
  environment: Readonly<Record<string, string | undefined>>,
): void {
  // Windows finds a program by more rules than these; there the start itself tells.
  if (process.platform === 'win32') return;
  const folders = (env?.['PATH'] ?? environment['PATH'] ?? '').split(delimiter);
  const places = command.includes('/') ? [command] : folders.map((folder) => join(folder, command));
  if (places.some(isProgram)) return;
  const detail = `${JSON.stringify(command)} was not found; check the name and the PATH. The command of a server goes after --`;
  throw new SwitchboardError('SWB_COMMAND_NOT_FOUND', { detail });
}

function isProgram(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return statSync(path).isFile();
  } catch {
    return false;
  }
}
