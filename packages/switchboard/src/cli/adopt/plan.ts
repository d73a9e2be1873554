/** What adopting would do: one upstream for each server, however many clients have it, and what becomes of each file. */
import type { JsonObject } from '../../protocol/jsonrpc.ts';
import { entryFor } from './clients.ts';
import type { Client, Endpoint } from './clients.ts';
import { textsIn } from './dialects.ts';
import type { FileState } from './files.ts';
import { Unreadable, changeText } from './format.ts';
import type { Change } from './format.ts';
import { withSecrets, withServers } from './own-config.ts';
import type { OwnConfig } from './own-config.ts';
import { planServers } from './planned-servers.ts';
import type { PlannedServer, ServerPlanOptions } from './planned-servers.ts';
import { leadsToAll } from './survey.ts';
import type { FoundFile, FoundServer, Left } from './survey.ts';

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

export interface PlanOptions extends Omit<ServerPlanOptions, 'url'> {
  endpoint: Endpoint;
  /** For files that are carried to other machines, or belong to a project. */
  portableEndpoint: Endpoint;
  /** Whether old entries stay, switched off, where a client can do that. */
  keep: boolean;
}

const NAME = 'switchboard';

export function makePlan(found: readonly FoundFile[], config: OwnConfig, options: PlanOptions): Plan {
  const {
    servers: all,
    left,
    variables,
    moved,
  } = planServers(found, config, { ...options, url: options.endpoint.url });
  const added = all.filter(({ isKnown }) => !isKnown);
  const needed = new Set(all.flatMap(({ entry }) => variablesIn(entry)).filter((name) => !variables.has(name)));
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
    variables,
    needed: [...needed].filter((name) => !Object.hasOwn(config.env.variables, name)).toSorted(),
    writes: [...ownWrites(config, added, variables), ...writes],
  };
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
