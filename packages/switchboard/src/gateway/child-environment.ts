/** The environment of a child: the few variables that every child inherits, those that are named for it, and its own `env`. */
import { matchesPattern } from '../util/pattern.ts';

export type Environment = Readonly<Record<string, string | undefined>>;

/** What every child inherits of Switchboard's own environment; `inheritEnv` and `--env` name more. */
export const INHERITED: readonly string[] = [
  'HOME',
  'LANG',
  'LC_ALL',
  'LOGNAME',
  'PATH',
  'SHELL',
  'TERM',
  'TMPDIR',
  'TZ',
  'USER',
  // Windows
  'APPDATA',
  'COMSPEC',
  'HOMEDRIVE',
  'HOMEPATH',
  'LOCALAPPDATA',
  'PATHEXT',
  'PROGRAMFILES',
  'SYSTEMDRIVE',
  'SYSTEMROOT',
  'TEMP',
  'TMP',
  'USERNAME',
  'USERPROFILE',
];

/** Switchboard's own secrets are among these: a pattern does not hand them on, only the whole name does. */
const OWN = 'SWITCHBOARD_';
/** As environment variables are usually written; shorter words are too often something else. */
const VARIABLE = /\b[A-Z][A-Z0-9_]{3,}\b/g;

/** @param names variables to inherit besides {@link INHERITED}; `*` in a name stands for any characters. */
export function childEnvironment(
  environment: Environment,
  names: readonly string[],
  own: Readonly<Record<string, string>> = {},
): Record<string, string> {
  const isNamed = (variable: string): boolean =>
    INHERITED.includes(variable) ||
    names.some((name) => name === variable || (!variable.startsWith(OWN) && matchesPattern(name, variable)));
  const inherited = Object.entries(environment).filter(([name, value]) => value !== undefined && isNamed(name));
  return { ...(Object.fromEntries(inherited) as Record<string, string>), ...own };
}

/** The variables that a text names, and that are set for Switchboard but not for the child. */
export function withheldFrom(child: Environment, environment: Environment, text: string): string[] {
  const named = new Set(text.match(VARIABLE));
  return [...named].filter((name) => environment[name] && child[name] === undefined && !name.startsWith(OWN));
}

/** What to do about variables that a server misses. */
export const advice = (names: readonly string[]): string =>
  `${names.join(' and ')} ${names.length === 1 ? 'is' : 'are'} set here, but servers do not inherit ${names.length === 1 ? 'it' : 'them'}: ` +
  `start with ${names.map((name) => `--env ${name}`).join(' ')}, or name ${names.length === 1 ? 'it' : 'them'} in inheritEnv`;
