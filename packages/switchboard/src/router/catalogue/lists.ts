/** The lists of all upstreams as one. A page of it is the next page of each upstream that has one, in the order of the upstreams. */
import { SwitchboardError } from '../../protocol/errors.ts';
import { isObject, textOf } from '../../protocol/jsonrpc.ts';
import type { JsonObject } from '../../protocol/jsonrpc.ts';
import { capabilitiesOf } from '../../protocol/translate.ts';
import { omit } from '../../util/omit.ts';
import type { Exchange, Outcome, Scope } from '../exchange.ts';
import { LISTS } from '../view.ts';
import type { CatalogueContext } from './context.ts';
import { completion, discoverResult } from './handshake-result.ts';
import { Outward } from './outward.ts';
import type { Reach } from './reach.ts';

const METHOD_NOT_FOUND = -32601;
const SKILLS = 'io.modelcontextprotocol/skills';

/** The lists that are merged: where their entries stand, and whether an upstream with these capabilities has such a list. */
const MERGED: ReadonlyMap<string, { items: string; isOffered(capabilities: JsonObject): boolean }> = new Map([
  ...[...LISTS]
    .filter(([method]) => method.endsWith('/list'))
    .map(
      ([method, { kind, items }]) =>
        [method, { items, isOffered: (capabilities: JsonObject) => isObject(capabilities[kind]) }] as const,
    ),
  ['skills/list', { items: 'skills', isOffered: ({ extensions }) => isObject(extensions) && SKILLS in extensions }],
  ['tasks/list', { items: 'tasks', isOffered: ({ tasks }) => isObject(tasks) && isObject(tasks['list']) }],
]);

export const isMerged = (method: string): boolean => MERGED.has(method);

/** What one upstream contributed; an upstream without such a list contributes nothing and is not missed. */
interface Part {
  name: string;
  page?: JsonObject;
  isMissing?: boolean;
}

type Page = Required<Pick<Part, 'name' | 'page'>>;

/** One page. An upstream that fails is left out; an error only when all do, or for a cursor that is none of ours. */
export async function mergedPage(slot: Reach, exchange: Exchange): Promise<Outcome> {
  const { method, params, scope } = exchange;
  const { catalogue } = slot;
  const { items, isOffered } = MERGED.get(method)!;
  const purpose = ['cursor', scope.principal, method];
  const cursors = cursorsOf(catalogue, purpose, params?.['cursor']);
  const names = slot.names.filter((name) => cursors?.has(name) ?? true);
  const parts = await Promise.all(
    names.map(async (name): Promise<Part> => {
      const member = await slot.ready(name, scope);
      if (member === undefined) return { name, isMissing: true };
      if (!isOffered(capabilitiesOf(member.handshakeResult))) return { name };
      const cursor = cursors?.get(name);
      const asked = { ...omit(params ?? {}, 'cursor'), ...(cursor !== undefined && { cursor }) };
      return contribution(catalogue, name, method, await slot.ask(name, exchange, method, asked));
    }),
  );
  const pages = parts.flatMap(({ name, page }) => (page === undefined ? [] : [{ name, page }]));
  const incomplete = parts.some(({ isMissing }) => isMissing);
  if (incomplete && pages.length === 0 && cursors === undefined) return noneLeft(parts);

  const next = pages.flatMap(({ name, page: { nextCursor } }) =>
    typeof nextCursor === 'string' ? [[name, nextCursor]] : [],
  );
  return {
    result: {
      [items]: method === 'tasks/list' ? tasks(catalogue, scope, pages) : merged(catalogue, method, pages),
      ...(next.length > 0 && { nextCursor: catalogue.seal.close(purpose, next) }),
      ...(scope.era === 'modern' &&
        completion(
          pages.map(({ page }) => page),
          incomplete,
          catalogue.serverInfo,
        )),
    },
  };
}

/** The answer to `server/discover`. */
export async function discovered(slot: Reach, exchange: Exchange): Promise<Outcome> {
  const { catalogue, names } = slot;
  const parts = await Promise.all(
    names.map(async (name): Promise<Part> => {
      if ((await slot.ready(name, exchange.scope)) === undefined) return { name, isMissing: true };
      return contribution(catalogue, name, exchange.method, await slot.ask(name, exchange, exchange.method, {}));
    }),
  );
  const handshakeResults = parts.flatMap(({ name, page }) => (page === undefined ? [] : [{ name, result: page }]));
  if (handshakeResults.length === 0) return noneLeft(parts);
  return { result: discoverResult(handshakeResults, handshakeResults.length < names.length, catalogue.serverInfo) };
}

function contribution(catalogue: CatalogueContext, name: string, method: string, outcome: Outcome): Part {
  if ('result' in outcome) return { name, page: outcome.result };
  if (outcome.error.code === METHOD_NOT_FOUND) return { name };
  catalogue.lost(name, `${method}: ${outcome.error.message}`);
  return { name, isMissing: true };
}

function noneLeft(parts: readonly Part[]): Outcome {
  const detail = `none of ${parts.map(({ name }) => name).join(', ')} answers; the log tells why, and so does /mcp/<name>`;
  return { error: new SwitchboardError('SWB_UPSTREAM_UNAVAILABLE', { detail }).toRpc() };
}

/** Where each upstream goes on; nothing at the beginning. @throws {SwitchboardError} `SWB_INVALID_PARAMS` */
function cursorsOf(
  catalogue: CatalogueContext,
  purpose: readonly string[],
  cursor: unknown,
): ReadonlyMap<string, string> | undefined {
  if (cursor === undefined) return undefined;
  const opened = typeof cursor === 'string' ? catalogue.seal.open(purpose, cursor) : undefined;
  if (opened !== undefined) return new Map(opened as [string, string][]);
  const detail = 'the cursor is not one that this list gave out since Switchboard was started; begin without a cursor';
  throw new SwitchboardError('SWB_INVALID_PARAMS', { detail });
}

/** The tasks of a client, under the ids that it was given. */
function tasks(catalogue: CatalogueContext, { principal }: Scope, pages: readonly Page[]): JsonObject[] {
  return pages.flatMap(({ name, page }) => {
    const outward = new Outward(catalogue, name, principal);
    const entries: unknown[] = Array.isArray(page['tasks']) ? page['tasks'] : [];
    return entries.filter(isObject).map((task) => outward.task(task));
  });
}

/** The entries under the names that they are reached by; what is reached under its name elsewhere is left out. */
function merged(catalogue: CatalogueContext, method: string, pages: readonly Page[]): JsonObject[] {
  const { kind, items, name: key } = LISTS.get(method)!;
  const owners = new Map<string, string>();
  const entries: JsonObject[] = [];
  for (const { name: upstream, page } of pages) {
    for (const item of Array.isArray(page[items]) ? page[items] : []) {
      if (!isObject(item)) continue;
      const entry = catalogue.links.exposeIn(upstream, item);
      const own = textOf(entry[key]);
      const exposed = kind === 'resources' ? own : catalogue.names.expose(upstream, own);
      const owner = owners.get(exposed) ?? (kind === 'resources' ? upstream : catalogue.names.find(exposed)?.upstream);
      if (owner !== undefined && owner !== upstream) {
        catalogue.collided(kind, exposed, upstream, owner);
        continue;
      }
      owners.set(exposed, upstream);
      entries.push(kind === 'resources' ? entry : { ...entry, [key]: exposed });
    }
  }
  return entries;
}
