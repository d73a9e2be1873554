/**
 * MCP Apps at the merged address. A page calls the tools of its server by the names that the server itself gave them, as it knows no
 * others, and hosts hand these calls on as they are. So a tool may be called by its own name too, where it can only be meant for one
 * server: one with pages, and where several have a tool of that name, the only one of them whose page the client has read.
 */
import { SwitchboardError } from '../../protocol/errors.ts';
import { isObject, textOf } from '../../protocol/jsonrpc.ts';
import type { JsonObject } from '../../protocol/jsonrpc.ts';
import { capabilitiesOf } from '../../protocol/translate.ts';
import type { Exchange, Scope, Slot } from '../exchange.ts';
import type { Links } from './links.ts';
import type { Names } from './names.ts';
import { readList } from './owners.ts';
import type { UpstreamReader } from './owners.ts';

/** The tools of one server, as pages need them. */
interface AppTools {
  names: ReadonlySet<string>;
  /** The notes of those that have a page. */
  pages: readonly JsonObject[];
}

/** How long a list of tools is believed, in ms. */
const FRESH_MS = 30_000;
/** As {@link FRESH_MS}, where a tool is not in it. */
const STALE_MS = 1000;
/** For how many clients it is remembered whose pages they have read; the oldest is forgotten first. */
const MAX_READERS = 1000;

export class Apps {
  readonly #names: Names;
  readonly #links: Links;
  readonly #tools: WeakMap<Slot, { readAt: number; tools: Promise<AppTools> }> = new WeakMap();
  /** Whose pages each client has read. */
  readonly #read: Map<string, Set<string>> = new Map();

  constructor(names: Names, links: Links) {
    this.#names = names;
    this.#links = links;
  }

  /** A client has read a page of a server. */
  hasRead(scope: Scope, upstream: string): void {
    const key = readerOf(scope);
    const upstreams = this.#read.get(key) ?? new Set();
    this.#read.delete(key);
    this.#read.set(key, upstreams.add(upstream));
    const [oldest] = this.#read.keys();
    if (this.#read.size > MAX_READERS && oldest !== undefined) this.#read.delete(oldest);
  }

  /**
   * The server that is meant by a tool's own name; nothing where no server with pages has such a tool.
   *
   * @throws {SwitchboardError} `SWB_UNKNOWN_NAME` where it may be one of several.
   */
  async ownerOf(slot: UpstreamReader, exchange: Exchange, tool: string): Promise<string | undefined> {
    const find = async (freshMs?: number): Promise<string[]> =>
      (await this.look(slot, exchange, freshMs)).flatMap(({ name, tools: { names, pages } }) =>
        pages.length > 0 && names.has(tool) ? [name] : [],
      );
    let able = await find();
    if (able.length === 0) able = await find(STALE_MS);
    if (able.length < 2) return able[0];
    const read = this.#read.get(readerOf(exchange.scope));
    const [only, ...others] = able.filter((name) => read?.has(name));
    if (only !== undefined && others.length === 0) return only;
    const names = able.map((name) => this.#names.expose(name, tool)).join(' or ');
    throw new SwitchboardError('SWB_UNKNOWN_NAME', {
      detail: `tool ${JSON.stringify(tool)} may be one of several servers; call ${names}`,
    });
  }

  /** Reads what tools there are, in the order of the servers; thereafter it is known which pages they name. */
  async look(
    slot: UpstreamReader,
    exchange: Exchange,
    freshMs: number = FRESH_MS,
  ): Promise<readonly { name: string; tools: AppTools }[]> {
    const found = await Promise.all(
      slot.names.map(async (name) => {
        const member = await slot.ready(name, exchange.scope);
        if (member === undefined || !isObject(capabilitiesOf(member.handshakeResult)['tools'])) return [];
        return [{ name, tools: await this.#of(slot, exchange, name, freshMs) }];
      }),
    );
    const all = found.flat();
    // In their order, whichever answered first.
    for (const { name, tools } of all) for (const page of tools.pages) this.#links.exposeIn(name, page);
    return all;
  }

  async #of(slot: UpstreamReader, exchange: Exchange, name: string, freshMs: number): Promise<AppTools> {
    const key = slot.slotOf(name, exchange.scope);
    const known = this.#tools.get(key);
    if (known !== undefined && performance.now() - known.readAt < freshMs) return known.tools;
    const reading = readList(slot, exchange, name, 'tools/list');
    const tools = reading.then(({ entries }) => appToolsOf(entries));
    this.#tools.set(key, { readAt: performance.now(), tools });
    // What could not be read is not remembered.
    if ((await reading).failed && this.#tools.get(key)?.tools === tools) this.#tools.delete(key);
    return tools;
  }
}

function appToolsOf(tools: readonly JsonObject[]): AppTools {
  const notes = tools.flatMap(({ _meta }) => (isObject(_meta) ? [{ _meta }] : []));
  return {
    names: new Set(tools.map(({ name }) => textOf(name))),
    pages: notes.filter((note) => JSON.stringify(note).includes('"ui://')),
  };
}

const readerOf = ({ principal, affinity, clientInfo }: Scope): string =>
  JSON.stringify([principal, affinity, clientInfo]);
