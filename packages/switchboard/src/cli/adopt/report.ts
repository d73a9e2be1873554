/** What adopt shows: names and commands, never values of variables and headers. */
import { isObject } from '../../protocol/jsonrpc.ts';
import type { JsonObject } from '../../protocol/jsonrpc.ts';
import { cut } from '../../util/cut.ts';
import { spaced } from './format.ts';
import { shortPath } from './places.ts';
import type { Plan, Write } from './plan.ts';
import type { PlannedServer } from './planned-servers.ts';
import { holdsSecret } from './secrets.ts';
import type { FoundFile, Left } from './survey.ts';

const MAX_WORDS = 160;

/** Words of a file, which anybody may have written: nothing of them steers the terminal, or begins a line. */
export const safe = (text: string): string => text.replaceAll(/[\p{C}\p{Zl}\p{Zp}]/gu, '\uFFFD');

/** The same, cut where they are many. */
export const shown = (text: string): string => {
  const words = safe(text);
  return words.length > MAX_WORDS ? `${cut(words, MAX_WORDS)}…` : words;
};

/** @param home to show paths in it with `~` */
export function describePlan(files: readonly FoundFile[], plan: Plan, home: string): string {
  const path = (text: string): string => shown(shortPath(text, home));
  return [
    section(
      'Found',
      files.map((file) => describeFile(file, path)),
    ),
    section('Servers that are shared', plan.servers.flatMap(describeServer)),
    section(
      'Left alone',
      plan.left.map((each) => describeLeft(each, path)),
    ),
    section(
      'Secrets that move into a file that only you can read',
      [...plan.variables.keys()].map((name) => `  ${name}`),
    ),
    describeChanges(plan.writes, home),
    ...(plan.needed.length === 0
      ? []
      : [`These variables must be set where Switchboard runs: ${plan.needed.join(', ')}`]),
    ...notesOf(plan.writes).map((note) => `Note: ${note}`),
  ]
    .filter((text) => text !== '')
    .join('\n\n');
}

/** What would be written, by file. */
export const describeChanges = (writes: readonly Write[], home: string): string =>
  section(
    'Changes',
    writes.flatMap((write) => describeWrite(write, (text) => shown(shortPath(text, home)))),
  );

const section = (head: string, lines: readonly string[]): string =>
  lines.length === 0 ? '' : [`${head}:`, ...lines].join('\n');

function describeFile({ client, others, path, servers, file }: FoundFile, short: (text: string) => string): string {
  const names = [client, ...others].map(({ name }) => name).join(', ');
  const what =
    servers.length === 0 ? 'no servers' : [...new Set(servers.map(({ entry }) => shown(entry.name)))].join(', ');
  const link = file.link === undefined ? '' : ` (a link to ${short(file.path)}, which is changed)`;
  return `  ${names}, ${short(path)}${link}: ${what}`;
}

function describeServer({ name, entry, suggestion, isKnown, origins }: PlannedServer): string[] {
  const where = [...new Set(origins.map(({ file }) => file.client.name))].join(', ');
  const twice = origins.length > 1 ? `: the same server in ${origins.length} places` : '';
  const ignored = new Set(origins.flatMap((origin) => origin.ignored).filter((key) => !SILENT.has(key)));
  return [
    `  ${name} (${where}${twice})${isKnown ? ', which the configuration has already' : ''}`,
    ...(isKnown ? [] : [`    runs       ${describeStart(entry)}`]),
    ...(isKnown ? [] : [`    isolation  ${suggestion.isolation}: ${suggestion.because}`]),
    ...(ignored.size === 0 ? [] : [`    not taken  ${[...ignored].map(shown).join(', ')}`]),
  ];
}

/** These say nothing that is lost. */
const SILENT: ReadonlySet<string> = new Set([
  'type',
  'name',
  'description',
  'disabled',
  'enabled',
  'transport',
  'version',
]);

/** What is started or reached, with the names of variables and headers. */
export function describeStart(entry: JsonObject): string {
  const { command, args, url, env, headers, cwd } = entry;
  const start =
    typeof url === 'string'
      ? url.replace(/[?#].*$/s, '')
      : [command, ...(Array.isArray(args) ? args : [])].map(word).join(' ');
  const names = [
    ...(isObject(env) && Object.keys(env).length > 0 ? [`variables ${Object.keys(env).join(', ')}`] : []),
    ...(isObject(headers) && Object.keys(headers).length > 0 ? [`headers ${Object.keys(headers).join(', ')}`] : []),
    ...(typeof cwd === 'string' ? [`in ${cwd}`] : []),
  ];
  return shown(start) + (names.length === 0 ? '' : ` (${shown(names.join('; '))})`);
}

/** What may have a secret in it beside a variable is not shown. */
const word = (text: unknown): string =>
  typeof text === 'string' && holdsSecret(text)
    ? '…'
    : typeof text === 'string' && /^[^\s'"]+$/.test(text)
      ? text
      : JSON.stringify(text);

function describeLeft({ client, path, line, name, why }: Left, short: (text: string) => string): string {
  const what = name === undefined ? '' : ` ${JSON.stringify(shown(name))}`;
  return `  ${client.name}, ${short(path)}${line === undefined ? '' : `:${line}`}${what}: ${shown(why)}`;
}

function describeWrite({ kind, path, before, gone, come }: Write, short: (text: string) => string): string[] {
  const what = kind === 'client' ? '' : before === undefined ? ' (new)' : ' (added to)';
  return [
    `  ${short(path)}${what}`,
    ...gone.map(({ name, line, isOff, address }) => {
      const note = address === undefined ? (isOff ? ' (switched off)' : '') : ` (at ${shown(address)})`;
      return `    - line ${line}: ${shown(name)}${note}`;
    }),
    ...come.map((entry) => `    + ${safe(spaced(entry).slice(2, -2))}`),
  ];
}

/** What to know before files are written. */
export const notesOf = (writes: readonly Write[]): string[] => [
  ...new Set(
    writes.flatMap(({ client, isOfProject = false }) => {
      if (client === undefined) return [];
      return [
        ...(client.note === undefined ? [] : [client.note]),
        ...(isOfProject
          ? ['a file of the project may be shared with others, who need Switchboard at the same address']
          : []),
        ...(client.isSynced === true ? [`${client.name} may carry its file to your other machines`] : []),
      ];
    }),
  ),
];
