/** Secrets that stand in entries as they are: found by the names that they stand under, and by what they look like. */
import { parseEnv } from 'node:util';

import { downloaderOf } from '../../gateway/slow-start.ts';
import { isObject } from '../../protocol/jsonrpc.ts';
import type { JsonObject } from '../../protocol/jsonrpc.ts';

/** @param hint what the value stood under. @returns the variable that has it */
type Keep = (hint: string, value: string) => string;

const NAME =
  /(?:^|[^a-z])(?:[a-z]*(?:api_?key|token|secrets?|pass(?:word|wd|phrase|code))|access_?key|key|pass|pwd|pw|auth(?:orization)?|credentials?|cookie|pat|dsn)(?:[^a-z]|$)/i;
/** Beginnings that only keys and tokens have. */
const KNOWN =
  /^(?:gh[opsur]_|github_pat_|glpat-|sk-|sk_|pk_|rk_|xox[abpsr]-|xapp-|AKIA|ASIA|AIza|ya29\.|eyJ[\w-]+\.|npm_|hf_|lin_api_|ntn_|secret_|figd_|dop_v1_|SG\.|shpat_)[\w.\-/+=]{8,}$/;
/** Headers in which nothing is secret. */
const PLAIN_HEADER = /^(?:accept(?:-\w+)?|content-type|user-agent|mcp-protocol-version)$/i;
const SCHEME = /^(Bearer|Basic|Token|ApiKey) +(\S.*)$/i;

/** `githubToken`, `GITHUB_TOKEN` and `--github-token` all name a secret. */
export const namesSecret = (name: string): boolean => NAME.test(name.replaceAll(/([a-z])([A-Z])/g, '$1_$2'));

/** A key or a token, whatever it stands under. Of texts of no known kind only those that nobody types. */
function looksSecret(text: string): boolean {
  if (KNOWN.test(text)) return true;
  if (!/^[\w+=-]{32,}$/.test(text)) return false;
  return (
    /^[0-9a-f-]+$/i.test(text) || (/[a-z]/.test(text) && /[A-Z]/.test(text) && (text.match(/\d/g)?.length ?? 0) >= 3)
  );
}

/** A name with its value, inside of a text: of JSON, of a command for a shell, of a connection string. */
const PAIR =
  /(?<![\w.-])([\w.-]{1,80})\\*["']?\s*[:=]\s*\\*["']?(?:(?:Bearer|Basic|Token|ApiKey)\s+)?(?!(?:Bearer|Basic|Token|ApiKey|true|false|null|\d{1,3})(?![\w.-]))(?=[^\s"'\\,;&{}$[\]])/gi;
/** A flag with its value, in a command for a shell. */
const FLAG = /(?<![\w.-])--?([\w-]{1,80}) +["']?[^\s"'$-]/g;

/** A name and a password before a host, with a scheme or without. An image with a digest is none. */
const USERINFO =
  /(?:[a-z][\w+.-]*:\/\/|(?<![\w.%+@/-])(?!(?:npm|jsr|github|mailto):))[^\s/@:"'=]*:(?!\$)[^\s@"'$/?#]+@(?!sha256:)[\w[(]/i;
/** `-p` with a password, and `-u` with a name and one, in a command for a shell. */
const SHORT_FLAG =
  /(?<!\b(?:mkdir|npx|npx -y) )(?<![\w.-])-p +["']?(?!\d|[-.~/@$])[^\s"']|(?<![\w.-])-u +["']?[^\s:"'/$]+:(?!\d+\b)[^\s"'$]/;

/** Whether a secret stands somewhere in a text, beside other things. */
export const holdsSecret = (text: string): boolean =>
  USERINFO.test(text) ||
  SHORT_FLAG.test(text) ||
  [PAIR, FLAG].some((pattern) => [...text.matchAll(pattern)].some(([, name]) => namesSecret(name!))) ||
  text.split(/[^\w.+/-]+/).some((word) => KNOWN.test(word));

const reference = (variable: string): string => `\${env:${variable}}`;
/** What names a variable, or is filled in otherwise, is no literal. */
const isLiteral = (text: string): boolean => text !== '' && !text.includes('${');

/** The entry with `${env:…}` in the place of each secret. @param keep is given each one */
export function takeSecrets(entry: JsonObject, keep: Keep): JsonObject {
  const { env, headers, args, url } = entry;
  return {
    ...entry,
    ...(isObject(env) && {
      env: mapValues(env, (name, text) => {
        const isSecret = isLiteral(text) && (namesSecret(name) || looksSecret(text));
        return isSecret ? reference(keep(name, text)) : withoutSecretsInside(text, name, name, keep);
      }),
    }),
    ...(isObject(headers) && {
      headers: mapValues(headers, (name, text) => {
        if (!isLiteral(text) || PLAIN_HEADER.test(name)) return text;
        const [, scheme, rest = text] = SCHEME.exec(text) ?? [];
        return `${scheme === undefined ? '' : `${scheme} `}${reference(keep(name, rest))}`;
      }),
    }),
    ...(Array.isArray(args) && { args: takeFromArguments(entry, args, keep) }),
    ...(typeof url === 'string' && { url: withoutSecretsInUrl(url, 'URL', keep) }),
  };
}

function takeFromArguments({ command }: JsonObject, args: readonly unknown[], keep: Keep): unknown[] {
  const words = args.map(String);
  const isStarted = typeof command === 'string' && downloaderOf({ command, args: words }) !== undefined;
  // What stands before the name of a package is for the program that fetches it: there `-p` names another package, or a port.
  const first = isStarted ? words.findIndex((word, at) => !word.startsWith('-') && words[at - 1] !== '-p') : 0;
  return args.map((text, at) => fromArgument(text, at > first ? words[at - 1] : undefined, words[at - 1], keep));
}

const isPassword = (text: string): boolean => !/^(?:[-.~/@]|\d+(?:$|[-:/.]))/.test(text);
/** A name with a password behind it, and no ids of a user and a group, or an address. */
const NAME_AND_PASSWORD = /^([^\s:/]*:)(?!\d+$|\/\/)(.+)$/s;

/**
 * @param own the word before, where it is an option of the server.
 * @param before the word before
 */
function fromArgument(text: unknown, own: string | undefined, before: string | undefined, keep: Keep): unknown {
  if (typeof text !== 'string' || !isLiteral(text)) return text;
  if (own === '-p' && isPassword(text)) return reference(keep('password', text));
  if (before !== undefined && /^(?:-u|--(?:[\w-]+-)?user)$/.test(before)) {
    const [, name, password] = NAME_AND_PASSWORD.exec(text) ?? [];
    if (password !== undefined) return `${name}${reference(keep('password', password))}`;
  }
  if (before !== undefined && /^--?[\w-]+$/.test(before) && namesSecret(before) && !text.startsWith('-')) {
    return reference(keep(before, text));
  }
  const isHeader = before !== undefined && /^(?:-H|--header)$/.test(before);
  // `--token=…`, `GITHUB_TOKEN=…` as for docker, and `Authorization: …` as for bridges.
  const [, name, separator, rest] = /^(-{0,2}[\w.-]+)(=|: ?)(.+)$/s.exec(text) ?? [];
  if (name !== undefined && separator !== undefined && rest !== undefined && !rest.startsWith('//')) {
    const isSecret = namesSecret(name) || (isHeader && separator !== '=' && !PLAIN_HEADER.test(name));
    const [, scheme, value = rest] = SCHEME.exec(rest) ?? [];
    if (isSecret)
      return `${name}${separator}${scheme === undefined ? '' : `${scheme} `}${reference(keep(name, value))}`;
    const [, user, password] = /^--(?:[\w-]+-)?user$/.test(name) ? (NAME_AND_PASSWORD.exec(rest) ?? []) : [];
    if (password !== undefined) return `${name}${separator}${user}${reference(keep('password', password))}`;
    const url = withoutSecretsInUrl(rest, 'URL', keep);
    if (url !== rest) return `${name}${separator}${url}`;
  }
  return looksSecret(text) ? reference(keep('argument', text)) : withoutSecretsInside(text, 'URL', 'argument', keep);
}

/** Of a URL its secrets are taken, of any other text all of it: nobody knows how its quotes nest. */
function withoutSecretsInside(text: string, ofUrl: string, ofText: string, keep: Keep): string {
  const safe = withoutSecretsInUrl(text, ofUrl, keep);
  return safe === text && isLiteral(text) && holdsSecret(text) ? reference(keep(ofText, text)) : safe;
}

/** A password, a key in its place, in the query, and parts of the path that are nothing but a key. */
function withoutSecretsInUrl(text: string, hint: string, keep: Keep): string {
  if (!isLiteral(text) || !/^[a-z][\w+.-]*:\/\//i.test(text)) return text;
  return text
    .replace(
      /^([^/]+:\/\/[^/?#@:]*:)([^/?#]+)(?=@)/,
      (_, before: string, value: string) => before + reference(keep(`${hint} password`, value)),
    )
    .replace(/^([^/]+:\/\/)([^/@:]+)(?=@)/, (whole, before: string, value: string) =>
      looksSecret(value) || (/(?:https?|wss?):/i.test(before) && value.length >= 8)
        ? before + reference(keep(`${hint} user`, value))
        : whole,
    )
    .replaceAll(/([?&])([\w.-]+)=([^&#]+)/g, (whole, mark: string, name: string, value: string) =>
      isLiteral(value) && (namesSecret(name) || looksSecret(value))
        ? `${mark}${name}=${reference(keep(name, value))}`
        : whole,
    )
    .replaceAll(/(?<=\/)[\w+=-]{24,}(?=[/?#]|$)/g, (part) =>
      looksSecret(part) ? reference(keep(`${hint} path`, part)) : part,
    );
}

const mapValues = (object: JsonObject, change: (name: string, text: string) => string): JsonObject =>
  Object.fromEntries(
    Object.entries(object).map(([name, value]) => [name, typeof value === 'string' ? change(name, value) : value]),
  );

/** Gives each secret the name of a variable, its own where that is free. */
export class Variables {
  /** What is known already: what the file has, and what the environment would say instead. */
  readonly #taken: Map<string, string>;
  readonly added: Map<string, string> = new Map();

  constructor(taken: Readonly<Record<string, string | undefined>>) {
    this.#taken = new Map(
      Object.entries(taken).flatMap(([name, value]) => (value === undefined ? [] : [[name, value]])),
    );
  }

  /** @param server whose secret it is. @returns the name */
  keep(server: string, hint: string, value: string, isKnown: boolean): string {
    const own = variableOf(hint);
    const names = isKnown ? [own, `${variableOf(server)}_${own}`] : [`${variableOf(server)}_${own}`];
    for (let nth = 2; ; nth++) {
      for (const name of names) {
        const there = this.#taken.get(name) ?? this.added.get(name);
        if (there !== undefined && there !== value) continue;
        this.added.set(name, value);
        return name;
      }
      names.push(`${names.at(-1)!.replace(/_\d+$/, '')}_${nth}`);
    }
  }
}

/** Any text as the name of a variable. */
const variableOf = (text: string): string => {
  const name =
    text
      .replaceAll(/\W+/g, '_')
      .replaceAll(/^_+|_+$/g, '')
      .toUpperCase() || 'SECRET';
  return /^\d/.test(name) ? `_${name}` : name;
};

/**
 * The text of a dotenv file with further variables.
 *
 * @returns undefined where one of them cannot be written in it so that it is read again as it is.
 */
export function withVariables(text: string, variables: ReadonlyMap<string, string>): string | undefined {
  const before = parseEnv(text);
  const lines = [...variables].flatMap(([name, value]) => (before[name] === value ? [] : [lineFor(name, value)]));
  if (lines.includes(undefined)) return undefined;
  const joint = text === '' || text.endsWith('\n') ? '' : '\n';
  const after = `${text}${joint}${lines.map((line) => `${line}\n`).join('')}`;
  const found = parseEnv(after);
  const isRight =
    Object.entries(before).every(([name, value]) => variables.has(name) || found[name] === value) &&
    [...variables].every(([name, value]) => found[name] === value) &&
    Object.keys(found).every((name) => Object.hasOwn(before, name) || variables.has(name));
  return isRight ? after : undefined;
}

/** Whether a dotenv file can have a value. */
export const isWritable = (value: string): boolean => lineFor('X', value) !== undefined;

function lineFor(name: string, value: string): string | undefined {
  // A quote that the value has in it too would be read differently from version to version of Node.
  const quotes = ["'", '"', '`'].filter((quote) => !value.includes(quote));
  const all = [
    ...(/^[\w./:@%+,=-]*$/.test(value) ? [value] : []),
    ...quotes.map((quote) => `${quote}${value}${quote}`),
  ];
  return all
    .map((text) => `${name}=${text}`)
    .find((line) => {
      const found = parseEnv(`${line}\n`);
      return found[name] === value && Object.keys(found).length === 1;
    });
}
