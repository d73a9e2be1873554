/** The server that is given as words of the command line, with the variables that `--env` hands it. */
import type { Command } from 'commander';

import type { CommandUpstream } from '../gateway/upstream-options.ts';
import { SwitchboardError } from '../protocol/errors.ts';

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
 * @throws {SwitchboardError} `SWB_CONFIG_INVALID` naming what is wrong with `--env`.
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

const invalid = (what: string): SwitchboardError =>
  new SwitchboardError('SWB_CONFIG_INVALID', { detail: `--env: ${what}` });
