/** The lists of all upstreams as one. A page of it is the next page of each upstream that has one, in the order of the upstreams. */
import { SwitchboardError } from '../../protocol/errors.ts';
import { isObject, textOf } from '../../protocol/jsonrpc.ts';
import type { JsonObject } from '../../protocol/jsonrpc.ts';
import { capabilitiesOf } from '../../protocol/translate.ts';
import { omit } from '../../util/omit.ts';
import type { Exchange, Outcome } from '../exchange.ts';
import { LISTS } from '../view.ts';
import type { Catalogue } from './catalogue.ts';
import { completion, discoverResult } from './introduction.ts';
import type { CatalogueSlot } from './slot.ts';

const METHOD_NOT_FOUND = -32601;

/** What one upstream contributed; an upstream without such a list contributes nothing and is not missed. */
interface Part {
  name: string;
  page?: JsonObject;
  isMissing?: boolean;
}

/** One page. An upstream that fails is left out; an error only when all do, or for a cursor that is none of ours. */
export async function mergedPage(slot: CatalogueSlot, exchange: Exchange): Promise<Outcome> {
  const { method, params, scope } = exchange;
  const { catalogue } = slot;
  const { kind, items } = LISTS.get(method)!;
  const purpose = ['cursor', scope.principal, method];
  const cursors = cursorsOf(catalogue, purpose, params?.['cursor']);
  const names = slot.names.filter((name) => cursors?.has(name) ?? true);
  const parts = await Promise.all(
    names.map(async (name): Promise<Part> => {
      const member = await slot.ready(name, scope);
      if (member === undefined) return { name, isMissing: true };
      if (!isObject(capabilitiesOf(member.hello)[kind])) return { name };
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
      [items]: merged(catalogue, method, pages),
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
export async function discovered(slot: CatalogueSlot, exchange: Exchange): Promise<Outcome> {
  const { catalogue, names } = slot;
  const parts = await Promise.all(
    names.map(async (name): Promise<Part> => {
      if ((await slot.ready(name, exchange.scope)) === undefined) return { name, isMissing: true };
      return contribution(catalogue, name, exchange.method, await slot.ask(name, exchange, exchange.method, {}));
    }),
  );
  const hellos = parts.flatMap(({ name, page }) => (page === undefined ? [] : [{ name, hello: page }]));
  if (hellos.length === 0) return noneLeft(parts);
  return { result: discoverResult(hellos, hellos.length < names.length, catalogue.serverInfo) };
}

function contribution(catalogue: Catalogue, name: string, method: string, outcome: Outcome): Part {
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
  catalogue: Catalogue,
  purpose: readonly string[],
  cursor: unknown,
): ReadonlyMap<string, string> | undefined {
  if (cursor === undefined) return undefined;
  const opened = typeof cursor === 'string' ? catalogue.seal.open(purpose, cursor) : undefined;
  if (opened !== undefined) return new Map(opened as [string, string][]);
  const detail = 'the cursor is not one that this list gave out since Switchboard was started; begin without a cursor';
  throw new SwitchboardError('SWB_INVALID_PARAMS', { detail });
}

/** The entries under the names that they are reached by; what is reached under its name elsewhere is left out. */
function merged(
  catalogue: Catalogue,
  method: string,
  pages: readonly { name: string; page: JsonObject }[],
): JsonObject[] {
  const { kind, items, name: key } = LISTS.get(method)!;
  const owners = new Map<string, string>();
  const entries: JsonObject[] = [];
  for (const { name: upstream, page } of pages) {
    for (const item of Array.isArray(page[items]) ? page[items] : []) {
      if (!isObject(item)) continue;
      const own = textOf(item[key]);
      const exposed = kind === 'resources' ? own : catalogue.names.expose(upstream, own);
      const owner = owners.get(exposed) ?? (kind === 'resources' ? upstream : catalogue.names.find(exposed)?.upstream);
      if (owner !== undefined && owner !== upstream) {
        catalogue.collided(kind, exposed, upstream, owner);
        continue;
      }
      owners.set(exposed, upstream);
      entries.push(kind === 'resources' ? item : { ...item, [key]: exposed });
    }
  }
  return entries;
}
