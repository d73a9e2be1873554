/** Where the values of options come from, in words: a flag counts more than the environment, and that more than the file. */
import { OPTION_NAMES } from '../gateway/options.ts';
import type { JsonObject } from '../protocol/jsonrpc.ts';
import { ALIASES, variableFor } from './environment.ts';

export function originsOf({
  flags,
  environment,
  settings,
  files,
}: {
  flags: JsonObject;
  environment: NodeJS.ProcessEnv;
  /** Of the files. */
  settings: JsonObject;
  files: readonly string[];
}): Record<string, string> {
  const originOf = (name: (typeof OPTION_NAMES)[number]): string | undefined => {
    if (flags[name] !== undefined) return `flag --${name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`;
    const variables = [variableFor(name), ALIASES[name]?.variable ?? ''];
    const variable = variables.find((each) => (environment[each] ?? '') !== '');
    if (variable !== undefined) return `variable ${variable}`;
    return settings[name] === undefined ? undefined : `file ${files.join(', ')}`;
  };
  return Object.fromEntries(
    OPTION_NAMES.flatMap((name) => {
      const origin = originOf(name);
      return origin === undefined ? [] : [[name, origin]];
    }),
  );
}
