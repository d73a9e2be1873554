/** Whether a client's entry is a server that Switchboard can run in its place; if not, why. */
import { isAbsolute, resolve } from 'node:path';

import { checkUpstream } from '../../gateway/upstream-options.ts';
import { isObject } from '../../protocol/jsonrpc.ts';
import type { JsonObject } from '../../protocol/jsonrpc.ts';
import { isLoopback } from '../../util/address.ts';
import { withEnvFile } from '../env-file.ts';
import { adopt, isDisabled } from '../foreign.ts';
import type { Block } from '../foreign.ts';
import { omit } from '../../util/omit.ts';
import { expandVariables, inputVariable } from '../variables.ts';
import type { Client } from './clients.ts';
import { mapTexts, textsIn } from './dialects.ts';
import { suggestIsolation } from './isolation.ts';
import { takeSecrets } from './secrets.ts';

/** Where an entry stands. */
export interface Situation {
  client: Client;
  /** The folder of the project whose file it is. */
  project?: string | undefined;
  environment: Readonly<Record<string, string | undefined>>;
  /** The whole file. */
  document: JsonObject;
}

export interface Shareable {
  /** The entry of an upstream. Secrets stand in it as they did. */
  entry: JsonObject;
  /** The same with every variable filled in, for comparing. */
  filled: JsonObject;
  /** Keys that have a meaning for the client alone. */
  ignored: readonly string[];
  /** Answers to inputs that it needs, by the variables that have them from now on. */
  inputs: ReadonlyMap<string, string>;
}

/** @returns the upstream; or why it cannot be shared, in words that go on after "left alone:". No value of `env` or `headers` is repeated. */
export function shareable(value: unknown, situation: Situation): Shareable | string {
  const { client, project, environment, document } = situation;
  if (!isObject(value)) return 'it is no object';
  if (isDisabled(value)) return 'it is disabled';
  const spoken = client.dialect?.(value) ?? value;
  if (typeof spoken === 'string') return spoken;
  const why = whyNot(spoken);
  if (why !== undefined) return why;

  const inputs = inputsOf(document['inputs'], environment);
  const needed = new Map<string, string>();
  const placed = mapTexts(spoken, (text) =>
    text
      .replaceAll('${workspaceFolder}', (whole) => project ?? whole)
      .replaceAll(/(?<!\$)\$\{input:([^}]*)\}/g, (whole, id: string) => {
        const answer = inputs.get(id);
        if (answer === undefined) return whole;
        needed.set(inputVariable(id), answer);
        return `\${env:${inputVariable(id)}}`;
      }),
  ) as JsonObject;
  const unknown = unfilled(placed, environment, needed);
  if (unknown !== undefined) return unknown;

  const block: Block = client.block === 'mcp' ? 'mcp' : 'mcpServers';
  const { entry, ignored } = adopt(block, placed);
  if (!isObject(entry)) return 'it is no object';
  const inPlace = withFolder(entry, project);
  if (typeof inPlace === 'string') return inPlace;
  const variables = { ...environment, ...Object.fromEntries(needed) };
  const userHome = environment['HOME'] ?? environment['USERPROFILE'];
  const { value: filled, problems } = expandVariables(inPlace, { userHome, ...variables });
  const { entry: checked, problems: unread } = withEnvFile(filled, project ?? '');
  const [problem] = [...unread, ...problems, ...checkUpstream('server', checked, false).map(withoutName)];
  if (problem !== undefined) return `${problem.path.join('.')}${problem.path.length > 0 ? ': ' : ''}${problem.message}`;
  const { url, headers } = filled as JsonObject;
  if (typeof url === 'string' && !isObject(headers) && !isLoopback(hostOf(url)) && !hasKey(url)) {
    return `${originOf(url)} is a remote server without a key, where each client signs in by itself`;
  }
  return { entry: inPlace, filled: filled as JsonObject, ignored, inputs: needed };
}

/** What only the client can do for it. */
function whyNot(entry: JsonObject): string | undefined {
  const { type, url, httpUrl, serverUrl } = entry;
  if (entry['sandboxEnabled'] === true || isObject(entry['sandbox'])) {
    return 'the client runs it in a sandbox, which Switchboard does not have';
  }
  for (const key of ['oauth', 'auth', 'authProviderType', 'headersHelper']) {
    if (entry[key] !== undefined) return `the client signs in for it ("${key}")`;
  }
  if (type === 'sse') return 'it speaks the SSE transport of 2024; give the address of Streamable HTTP';
  const address = httpUrl ?? serverUrl ?? url;
  if (typeof address === 'string' && /^(?:unix|pipe):/i.test(address)) {
    return 'it is reached through a socket of this machine, which Switchboard does not do';
  }
  return undefined;
}

/** The first variable that nobody can fill in here. */
function unfilled(
  entry: JsonObject,
  environment: Readonly<Record<string, string | undefined>>,
  needed: ReadonlyMap<string, string>,
): string | undefined {
  const texts = textsIn(entry);
  if (texts.some((text) => text.includes('${{')))
    return 'it has secrets of its client (${{ … }}); write them as ${env:NAME}';
  for (const [, inside = ''] of texts.flatMap((text) => [...text.matchAll(/(?<!\$)\$\{([^}]*)\}/g)])) {
    if (inside.startsWith('input:')) {
      const id = inside.slice('input:'.length);
      return `it asks for the input ${JSON.stringify(id)}: set ${inputVariable(id)}, and run this again`;
    }
    if (inside.startsWith('workspaceFolder')) return `\${${inside}} is another folder in each window of the client`;
    if (inside === 'userHome') continue;
    const [, name, otherwise] = /^(?:env:)?([A-Za-z_]\w*)(:-.*)?$/.exec(inside) ?? [];
    if (name === undefined) return `\${${inside}} is known to the client alone`;
    if (!Object.hasOwn(environment, name) && otherwise === undefined && !needed.has(name)) {
      return `it needs the environment variable ${name}, which is not set here`;
    }
  }
  return undefined;
}

/** A server of a project runs in its folder. Of one that is relative to nobody knows where, nothing can be made. */
function withFolder(entry: JsonObject, project: string | undefined): JsonObject | string {
  const { command, cwd, envFile } = entry;
  if (typeof command !== 'string') return envFile === undefined ? entry : 'envFile is for a command';
  const isRelative = /^\.\.?[\\/]/.test(command);
  if (project === undefined) {
    if (isRelative && cwd === undefined) return 'its command is relative to the folder that the client runs in';
    if (typeof cwd === 'string' && !isAbsolute(cwd) && !cwd.startsWith('${')) {
      return 'its cwd is relative to the folder that the client runs in';
    }
    if (typeof envFile === 'string' && !isAbsolute(envFile) && !envFile.startsWith('${')) {
      return 'its envFile is relative to the folder that the client runs in';
    }
    return entry;
  }
  const own = typeof cwd === 'string' && !cwd.startsWith('${') ? resolve(project, cwd) : cwd;
  const folder = own ?? (suggestIsolation(entry).isAnywhere ? undefined : project);
  return {
    ...entry,
    ...(folder !== undefined && { cwd: folder }),
    ...(typeof envFile === 'string' && { envFile: resolve(project, envFile) }),
  };
}

function inputsOf(
  inputs: unknown,
  environment: Readonly<Record<string, string | undefined>>,
): ReadonlyMap<string, string> {
  const found = Array.isArray(inputs) ? inputs.filter(isObject) : [];
  return new Map(
    found.flatMap(({ id, default: otherwise }): [string, string][] => {
      if (typeof id !== 'string') return [];
      const value = environment[inputVariable(id)] ?? otherwise;
      return typeof value === 'string' ? [[id, value]] : [];
    }),
  );
}

const withoutName = ({ path, message }: { path: readonly (string | number)[]; message: string }) => ({
  path: path.slice(1),
  message,
});
const hostOf = (url: string): string => (URL.canParse(url) ? new URL(url).hostname : '');
const hasKey = (url: string): boolean => takeSecrets({ url }, (hint) => hint)['url'] !== url;
const originOf = (url: string): string => (URL.canParse(url) ? new URL(url).origin : 'it');

/** The same server says the same here, however its start is written, and however long its clients wait for it. */
export function identityOf(filled: JsonObject): string {
  const rest = omit(filled, 'command', 'args', 'isolation', 'requestTimeout');
  const { command, args } = filled;
  const words = [command, ...(Array.isArray(args) ? args : [])].map(String);
  // Windows starts npx by its shell.
  if (/^cmd(?:\.exe)?$/i.test(words[0] ?? '') && /^\/c$/i.test(words[1] ?? '')) words.splice(0, 2);
  words[0] = (words[0] ?? '').replace(/\.(?:exe|cmd)$/i, '');
  const start = words[0] === 'npx' ? words.filter((word, at) => at === 0 || !/^(?:-y|--yes)$/.test(word)) : words;
  return JSON.stringify(sorted({ ...rest, ...(command !== undefined && { start }) }));
}

function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted);
  if (!isObject(value)) return value;
  const entries = Object.entries(value).filter(([, each]) => !(isObject(each) && Object.keys(each).length === 0));
  return Object.fromEntries(
    entries.map(([key, each]) => [key, sorted(each)] as const).toSorted(([a], [b]) => (a < b ? -1 : 1)),
  );
}
