/** How this command is called, for the lines of others that are to be pasted. */
import { existsSync } from 'node:fs';
import { basename, delimiter, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** The file that runs. */
export const PROGRAM: string = fileURLToPath(new URL('../../bin/switchboard.js', import.meta.url));
const NAMES: ReadonlySet<string> = new Set(['switchboard', 'mcp-switchboard']);

/** Such as `npx mcp-switchboard`, as it works in the folder that this was started in. */
export const ownCommand = (): string => commandOf(process.argv[1] ?? '', process.cwd(), process.env);

/** @param script the file that runs, as it was named. */
function commandOf(script: string, folder: string, { PATH = '' }: NodeJS.ProcessEnv): string {
  for (let at = folder; ; at = dirname(at)) {
    if (existsSync(join(at, 'node_modules/mcp-switchboard/package.json'))) return 'npx mcp-switchboard';
    if (dirname(at) === at) break;
  }
  if (NAMES.has(basename(script)) && PATH.split(delimiter).includes(dirname(script))) return basename(script);
  return `node ${quoted(PROGRAM)}`;
}

/** As a word of a shell. */
export const quoted = (text: string): string =>
  /^[\w@%+=:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`;
