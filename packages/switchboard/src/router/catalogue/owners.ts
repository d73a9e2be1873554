/**
 * Which upstream a resource belongs to. URIs carry no upstream's name, so what the upstreams list decides; where several could
 * be meant, they are tried in their order.
 */
import { isObject, textOf } from '../../protocol/jsonrpc.ts';
import type { JsonObject } from '../../protocol/jsonrpc.ts';
import { capabilitiesOf } from '../../protocol/translate.ts';
import { matchesPattern } from '../../util/pattern.ts';
import type { Exchange, Member, Outcome, Scope, Slot } from '../exchange.ts';
import { LISTS } from '../view.ts';

/** How the upstreams of one slot are asked. */
export interface UpstreamReader {
  /** The upstreams that are there for the client, in their order. */
  readonly names: readonly string[];
  /** The slot of an upstream for this scope. @throws {SwitchboardError} when the upstream has none to give. */
  slotOf(name: string, scope: Scope, interactive?: boolean): Slot;
  /** The member of an upstream, if it can be had soon. */
  ready(name: string, scope: Scope): Promise<Member | undefined>;
  /** Asks an upstream for a part of an exchange. Never rejects. */
  ask(name: string, exchange: Exchange, method: string, params: JsonObject): Promise<Outcome>;
}

/** What one upstream lists. */
interface Directory {
  /** Of resources, and templates as they are written. */
  uris: ReadonlySet<string>;
  /** Templates with `*` for each variable. */
  patterns: readonly string[];
  schemes: ReadonlySet<string>;
}

/** How long a list is believed, in ms. A wrong guess costs a request more, not the answer. */
const FRESH_MS = 30_000;
const MAX_PAGES = 100;
const MAX_ENTRIES = 10_000;
/**
 * What servers and clients choose must not take long to compare. Templates beyond, and longer ones, count for their scheme alone, as
 * each template does for a longer URI.
 */
const MAX_PATTERNS = 1000;
const MAX_PATTERN_CHARS = 1000;
const MAX_URI_CHARS = 8192;

const schemeOf = (uri: string): string => uri.slice(0, uri.indexOf(':') + 1).toLowerCase();

export class Owners {
  readonly #directories: WeakMap<Slot, { readAt: number; directory: Promise<Directory> }> = new WeakMap();

  /**
   * The upstreams that may have a resource, the likeliest first: those that list it, those with a template that fits, those with
   * other resources of its scheme, and those that list nothing at all. Within each of these the order of the upstreams counts.
   */
  async find(slot: UpstreamReader, exchange: Exchange, uri: string): Promise<readonly string[]> {
    const members = await Promise.all(
      slot.names.map(async (name) => ({ name, member: await slot.ready(name, exchange.scope) })),
    );
    const able = members.flatMap(({ name, member }) =>
      member !== undefined && isObject(capabilitiesOf(member.handshakeResult)['resources']) ? [name] : [],
    );
    if (able.length < 2) return able;
    const ranked = await Promise.all(
      able.map(async (name) => ({ name, rank: rankOf(await this.#directory(slot, exchange, name), uri) })),
    );
    return ranked
      .filter(({ rank }) => rank < Infinity)
      .toSorted((a, b) => a.rank - b.rank)
      .map(({ name }) => name);
  }

  #directory(slot: UpstreamReader, exchange: Exchange, name: string): Promise<Directory> {
    const key = slot.slotOf(name, exchange.scope);
    const known = this.#directories.get(key);
    if (known !== undefined && performance.now() - known.readAt < FRESH_MS) return known.directory;
    const directory = readDirectory(slot, exchange, name);
    this.#directories.set(key, { readAt: performance.now(), directory });
    return directory;
  }
}

function rankOf({ uris, patterns, schemes }: Directory, uri: string): number {
  if (uris.has(uri)) return 0;
  if (uri.length <= MAX_URI_CHARS && patterns.some((pattern) => matchesPattern(pattern, uri))) return 1;
  if (schemes.has(schemeOf(uri))) return 2;
  return schemes.size === 0 ? 3 : Infinity;
}

async function readDirectory(slot: UpstreamReader, exchange: Exchange, name: string): Promise<Directory> {
  const [uris, templates] = await Promise.all(
    ['resources/list', 'resources/templates/list'].map((method) => readNames(slot, exchange, name, method)),
  );
  const all = [...uris!, ...templates!];
  const patterns = templates!
    .filter(({ length }) => length <= MAX_PATTERN_CHARS)
    .slice(0, MAX_PATTERNS)
    .map((template) => template.replaceAll(/\{[^{}]*\}/g, '*'));
  return { uris: new Set(all), patterns, schemes: new Set(all.map(schemeOf)) };
}

/** What the entries of an upstream's whole list go by, as far as it can be read. */
export async function readNames(
  slot: UpstreamReader,
  exchange: Exchange,
  upstream: string,
  method: string,
): Promise<string[]> {
  const { entries } = await readList(slot, exchange, upstream, method);
  return entries.map((entry) => textOf(entry[LISTS.get(method)!.name]));
}

/** The entries of an upstream's whole list, and whether it failed before its end. */
export async function readList(
  slot: UpstreamReader,
  exchange: Exchange,
  upstream: string,
  method: string,
): Promise<{ entries: readonly JsonObject[]; failed: boolean }> {
  const { items } = LISTS.get(method)!;
  const entries: JsonObject[] = [];
  let cursor: unknown;
  for (let page = 0; page < MAX_PAGES && entries.length < MAX_ENTRIES; page++) {
    const outcome = await slot.ask(upstream, exchange, method, cursor === undefined ? {} : { cursor });
    if ('error' in outcome) return { entries, failed: true };
    const listed = outcome.result[items];
    for (const entry of Array.isArray(listed) ? listed : []) if (isObject(entry)) entries.push(entry);
    // An empty cursor is a cursor.
    cursor = outcome.result['nextCursor'];
    if (typeof cursor !== 'string') break;
  }
  return { entries, failed: false };
}
