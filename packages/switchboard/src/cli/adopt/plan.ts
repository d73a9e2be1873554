/** What adopting would do: one upstream for each server, however many clients have it, and what becomes of each file. */
import { OPTIONS } from '../../gateway/options.ts';
import type { JsonObject } from '../../protocol/jsonrpc.ts';
import { omit } from '../../util/omit.ts';
import { parseDuration } from '../../util/units.ts';
import { entryFor } from './clients.ts';
import type { Client, Endpoint } from './clients.ts';
import { textsIn } from './dialects.ts';
import type { FileState } from './files.ts';
import { Unreadable, changeText } from './format.ts';
import type { Change } from './format.ts';
import { suggestIsolation } from './isolation.ts';
import type { Suggestion } from './isolation.ts';
import { withSecrets, withServers } from './own-config.ts';
import type { OwnConfig } from './own-config.ts';
import { Variables, isWritable, takeSecrets } from './secrets.ts';
import { identityOf, shareable } from './shareable.ts';
import type { Shareable } from './shareable.ts';
import { leadOf, leadsToAll } from './survey.ts';
import type { Former, FoundFile, FoundServer, Left } from './survey.ts';

/** One upstream, and where it was found. */
export interface PlannedServer {
  name: string;
  /** What is written, with variables for secrets. */
  entry: JsonObject;
  suggestion: Suggestion;
  /** Whether the configuration has it already. */
  isKnown: boolean;
  origins: { file: FoundFile; server: FoundServer; ignored: readonly string[] }[];
  /** The variables that have its secrets. */
  secrets: string[];
}

/** One file as it will be. */
export interface Write {
  kind: 'variables' | 'configuration' | 'client';
  path: string;
  /** As it was when the plan was made; undefined where there was none. */
  before: FileState | undefined;
  text: string;
  mode: number;
  /** Whose file it is; undefined for Switchboard's own. */
  client?: Client;
  /** Whether it belongs to a project. */
  isOfProject?: boolean;
  /** Entries of a client that go, or are switched off. */
  gone: { name: string; line: number; isOff: boolean; /** Where it led. */ address?: string | undefined }[];
  /** The entries that come. */
  come: JsonObject[];
}

export interface Plan {
  servers: PlannedServer[];
  left: Left[];
  /** Secrets that move, by the variable that has them from now on. */
  variables: ReadonlyMap<string, string>;
  /** Variables of the environment that the servers need when Switchboard runs. */
  needed: string[];
  writes: Write[];
}

export interface PlanOptions {
  endpoint: Endpoint;
  /** For files that are carried to other machines, or belong to a project. */
  portableEndpoint: Endpoint;
  environment: Readonly<Record<string, string | undefined>>;
  /** Whether old entries stay, switched off, where a client can do that. */
  keep: boolean;
  /** Whether secrets may move into the file of variables. */
  moveSecrets: boolean;
  /** Where this Switchboard was before. */
  former: Former;
  /** Why files of projects are left alone, where they are. */
  leaveProjects?: string | undefined;
}

const NAME = 'switchboard';

export function makePlan(found: readonly FoundFile[], config: OwnConfig, options: PlanOptions): Plan {
  const left: Left[] = [];
  const servers = new Map<string, PlannedServer>();
  const names = new Set(config.names);
  const variables = new Variables({ ...options.environment, ...config.env.variables });
  const moved = new Map<FoundServer, string>();
  for (const file of found) {
    for (const server of file.servers) {
      const { name, value, line } = server.entry;
      const leave = (why: string): void => void left.push({ client: file.client, path: file.path, line, name, why });
      const lead = leadOf(file.client, server.entry, options.endpoint.url, options.former);
      if (lead !== undefined && 'why' in lead) {
        leave(lead.why);
        continue;
      }
      if (file.isOfProject && options.leaveProjects !== undefined) {
        leave(options.leaveProjects);
        continue;
      }
      if (lead !== undefined) {
        moved.set(server, lead.address);
        continue;
      }
      const { client, document } = file;
      const { environment } = options;
      const known = { ...config.env.variables, ...environment };
      const read = shareable(value, { client, document: document.value, environment: known, project: server.project });
      if (typeof read === 'string') {
        leave(read);
        continue;
      }
      const identity = identityOf(read.filled);
      const origin = { file, server, ignored: read.ignored };
      const there = servers.get(identity);
      if (there !== undefined) {
        there.origins.push(origin);
        if (!there.isKnown) there.entry = withLongerTimeout(there.entry, read.entry);
        continue;
      }
      const isKnown = config.servers.get(identity);
      const planned =
        isKnown === undefined
          ? upstreamFor(server, read, names, variables, file, options.moveSecrets)
          : { name: isKnown, entry: {}, suggestion: suggestIsolation(read.filled), isKnown: true, secrets: [] };
      if (typeof planned === 'string') {
        leave(planned);
        continue;
      }
      names.add(planned.name);
      servers.set(identity, { ...planned, origins: [origin] });
    }
  }
  const all = [...servers.values()];
  const added = all.filter(({ isKnown }) => !isKnown);
  const needed = new Set(all.flatMap(({ entry }) => variablesIn(entry)).filter((name) => !variables.added.has(name)));
  const { writes, unchangeable } = clientWrites(found, all, moved, options, left);
  if (unchangeable.size > 0) {
    // Their servers stay in them, so Switchboard must have neither these nor their secrets.
    const changeable = found.filter((file) => !unchangeable.has(file));
    const plan = makePlan(changeable, config, options);
    return { ...plan, left: [...plan.left, ...unchangeable.values()] };
  }
  return {
    servers: all,
    left,
    variables: variables.added,
    needed: [...needed].filter((name) => !Object.hasOwn(config.env.variables, name)).toSorted(),
    writes: [...ownWrites(config, added, variables.added), ...writes],
  };
}

/** @returns the upstream; why it is left alone, when its secrets cannot move */
function upstreamFor(
  server: FoundServer,
  { entry, filled, inputs }: Shareable,
  names: ReadonlySet<string>,
  variables: Variables,
  file: FoundFile,
  moveSecrets: boolean,
): Omit<PlannedServer, 'origins'> | string {
  const name = freeName(server.entry.name, file, names);
  const found: { hint: string; value: string }[] = [...inputs].map(([hint, value]) => ({ hint, value }));
  takeSecrets(entry, (hint, value) => {
    found.push({ hint, value });
    return hint;
  });
  if (found.length > 0 && !moveSecrets)
    return `its secrets stay where they are: ${found.map(({ hint }) => hint).join(', ')}`;
  const odd = found.find(({ value }) => !isWritable(value));
  if (odd !== undefined) return `its ${odd.hint} cannot be written into a file of variables`;
  const secrets: string[] = [];
  const keep = (hint: string, value: string): string => {
    const variable = variables.keep(name, hint, value, /^[A-Z_][A-Z0-9_]*$/.test(hint));
    secrets.push(variable);
    return variable;
  };
  for (const [hint, value] of inputs) keep(hint, value);
  const suggestion = suggestIsolation(filled);
  const { command, args, url, ...more } = takeSecrets(entry, keep);
  // As people write them: what is started first.
  const written = { ...given({ command, args, url }), ...more, isolation: suggestion.isolation };
  return { name, entry: written, suggestion, isKnown: false, secrets: [...new Set(secrets)] };
}

/** The entry of one client with the `requestTimeout` of another, where that is longer: no client loses a call that it had time for. */
function withLongerTimeout(entry: JsonObject, other: JsonObject): JsonObject {
  const [own, theirs] = [entry, other].map(({ requestTimeout = OPTIONS.requestTimeout.fallback }) =>
    typeof requestTimeout === 'string' || typeof requestTimeout === 'number' ? (parseDuration(requestTimeout) ?? 0) : 0,
  ) as [number, number];
  if (theirs <= own) return entry;
  const { isolation, ...rest } = omit(entry, 'requestTimeout');
  return { ...rest, ...given({ requestTimeout: other['requestTimeout'] }), isolation };
}

const given = (object: JsonObject): JsonObject =>
  Object.fromEntries(Object.entries(object).filter(([, value]) => value !== undefined));

/** A name that Switchboard allows, and that no other server has. */
function freeName(wanted: string, { client }: FoundFile, taken: ReadonlySet<string>): string {
  const plain =
    wanted
      .replaceAll(/[^A-Za-z0-9._-]+/g, '-')
      .replace(/^[^A-Za-z0-9]+/, '')
      .slice(0, 40) || 'server';
  const id = client.name.replaceAll(/\W+/g, '-').toLowerCase();
  const all = [plain, `${plain}-${id}`];
  for (let nth = 2; all.every((name) => taken.has(name)); nth++) all.push(`${plain}-${id}-${nth}`);
  return all.find((name) => !taken.has(name))!;
}

/** A name for the entry of Switchboard. */
function freeEntryName(taken: ReadonlySet<string>): string {
  const all = [NAME, `${NAME}-mcp`];
  for (let nth = 2; all.every((name) => taken.has(name)); nth++) all.push(`${NAME}-mcp-${nth}`);
  return all.find((name) => !taken.has(name))!;
}

function variablesIn(entry: JsonObject): string[] {
  return textsIn(entry)
    .flatMap((text) => [...text.matchAll(/(?<!\$)\$\{(?:env:)?([A-Za-z_]\w*)\}/g)])
    .map(([, name]) => name!)
    .filter((name) => name !== 'userHome');
}

/** Further servers in Switchboard's own files. */
export function ownWrites(
  config: OwnConfig,
  added: readonly Pick<PlannedServer, 'name' | 'entry'>[],
  variables: ReadonlyMap<string, string>,
): Write[] {
  const writes: Write[] = [];
  const { path, file, env } = config;
  if (variables.size > 0) {
    const text = withSecrets(config, variables);
    writes.push({
      kind: 'variables',
      path: env.file?.path ?? env.path,
      before: env.file,
      text,
      mode: 0o600,
      gone: [],
      come: [],
    });
  }
  if (added.length > 0) {
    const servers = added.map(({ name, entry }) => ({ name, value: entry }));
    const text = withServers(config, servers, variables.size > 0);
    const mode = file?.mode ?? 0o600;
    writes.push({ kind: 'configuration', path: file?.path ?? path, before: file, text, mode, gone: [], come: [] });
  }
  return writes;
}

const placeOf = ({ entry: { name, line } }: FoundServer): { name: string; line: number } => ({ name, line });

function clientWrites(
  found: readonly FoundFile[],
  servers: readonly PlannedServer[],
  moved: ReadonlyMap<FoundServer, string>,
  options: PlanOptions,
  left: Left[],
): { writes: Write[]; unchangeable: ReadonlyMap<FoundFile, Left> } {
  const unchangeable = new Map<FoundFile, Left>();
  const writes = found.flatMap((file): Write[] => {
    const taken = servers.flatMap(({ origins }) =>
      origins.filter((origin) => origin.file === file).map(({ server }) => server),
    );
    const old = file.servers.filter((server) => moved.has(server));
    const { client } = file;
    if (taken.length + old.length === 0) return [];
    if (client.isReadOnly !== undefined) {
      left.push({ client, path: file.path, why: client.isReadOnly });
      return [];
    }
    const endpoint = file.isOfProject || client.isSynced === true ? options.portableEndpoint : options.endpoint;
    const come: JsonObject[] = [];
    const gone: Write['gone'] = [];
    const changes = [...new Set([...old, ...taken].map(({ path }) => path))].map((path): Change => {
      const isHere = (server: FoundServer): boolean => server.path === path;
      const [own, former] = [taken.filter(isHere), old.filter(isHere)];
      const off = options.keep ? client.off : undefined;
      const going = new Set(own.map(({ entry }) => entry.name));
      const replaced = new Set(former.map(({ entry }) => entry.name));
      gone.push(
        ...former.map((server) => ({ ...placeOf(server), isOff: false, address: moved.get(server) })),
        ...own.map((server) => ({ ...placeOf(server), isOff: off !== undefined })),
      );
      const stays = file.servers.filter((server) => isHere(server) && !own.includes(server) && !moved.has(server));
      const isThere = stays.some(({ entry }) => leadsToAll(entry.value, endpoint.url));
      const others = new Set([...stays.map(({ entry }) => entry.name), ...(off === undefined ? [] : going)]);
      const name = freeEntryName(others);
      const value = entryFor(client, endpoint);
      if (!isThere) come.push({ [name]: value });
      return {
        path,
        ...(off === undefined
          ? { remove: new Set([...replaced, ...going]) }
          : { remove: replaced, set: new Map([...going].map((each) => [each, off])) }),
        ...(!isThere && { add: [{ name, value }] }),
      };
    });
    try {
      const text = changeText(file.format, file.file.text, changes);
      const { path, mode } = file.file;
      const { isOfProject } = file;
      return [{ kind: 'client', path, before: file.file, text, mode, client, isOfProject, gone, come }];
    } catch (error) {
      if (!(error instanceof Unreadable)) throw error;
      unchangeable.set(file, { client, path: file.path, line: error.line, why: error.message });
      return [];
    }
  });
  return { writes, unchangeable };
}
