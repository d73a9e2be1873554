/** The servers that adopting would take over: one upstream for each, however many clients have it. */
import { OPTIONS } from '../../gateway/options.ts';
import type { JsonObject } from '../../protocol/jsonrpc.ts';
import { omit } from '../../util/omit.ts';
import { parseDuration } from '../../util/units.ts';
import { suggestIsolation } from './isolation.ts';
import type { Suggestion } from './isolation.ts';
import type { OwnConfig } from './own-config.ts';
import { Variables, isWritable, takeSecrets } from './secrets.ts';
import { identityOf, shareable } from './shareable.ts';
import type { Shareable } from './shareable.ts';
import { leadOf } from './survey.ts';
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

export interface ServerPlanOptions {
  /** Where Switchboard is reached. */
  url: string;
  environment: Readonly<Record<string, string | undefined>>;
  /** Whether secrets may move into the file of variables. */
  moveSecrets: boolean;
  /** Where this Switchboard was before. */
  former: Former;
  /** Why files of projects are left alone, where they are. */
  leaveProjects?: string | undefined;
}

export interface ServerPlan {
  servers: PlannedServer[];
  left: Left[];
  /** Secrets that move, by the variable that has them from now on. */
  variables: ReadonlyMap<string, string>;
  /** Entries that adopt has written, with the address where Switchboard was before. */
  moved: ReadonlyMap<FoundServer, string>;
}

export function planServers(found: readonly FoundFile[], config: OwnConfig, options: ServerPlanOptions): ServerPlan {
  const left: Left[] = [];
  const servers = new Map<string, PlannedServer>();
  const names = new Set(config.names);
  const variables = new Variables({ ...options.environment, ...config.env.variables });
  const moved = new Map<FoundServer, string>();
  for (const file of found) {
    for (const server of file.servers) {
      const { name, value, line } = server.entry;
      const leave = (why: string): void => void left.push({ client: file.client, path: file.path, line, name, why });
      const lead = leadOf(file.client, server.entry, options.url, options.former);
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
  return { servers: [...servers.values()], left, variables: variables.added, moved };
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
