/**
 * The URIs that a server's tools and lists name for its own clients: pages of MCP Apps (`ui://`) and skills (`skill://`). Two servers
 * may well use the same one, and whoever reads it sends nothing but the URI, so in what clients get each leads to one server only.
 *
 * The first server that names a URI keeps it as it is, for as long as this process runs. Where another server names the same one,
 * its URI gets the server's name in front, `ui://<server>.switchboard/…`, in everything that clients get of that server. What a URI
 * means therefore never changes, whichever servers come or go later.
 */
import { isObject } from '../../protocol/jsonrpc.ts';
import type { JsonObject } from '../../protocol/jsonrpc.ts';

const LINK = /^(?:ui|skill):\/\//;
const ALIAS = /^((?:ui|skill):\/\/)([^/]+)\.switchboard\/(.*)$/s;
/** How many URIs of one server stay as they are; its further ones get its name, which needs no memory. */
const MAX_OWN = 1000;
/** What is no link, whatever it looks like: what tools say and take, and long contents. */
const OPAQUE: ReadonlySet<string> = new Set([
  'structuredContent',
  'arguments',
  'inputSchema',
  'outputSchema',
  'frontmatter',
  'text',
  'blob',
  'data',
]);

/** Where a URI leads. */
export interface LinkPlace {
  upstream: string;
  /** As the server itself writes it. */
  uri: string;
}

export const isLink = (uri: string): boolean => LINK.test(uri);
/** One of these stands in every text that has such URIs in it; some servers write `\/` for a slash. */
export const LINK_SIGNS: readonly string[] = ['"ui:', '"skill:'];

export class Links {
  readonly #upstreams: ReadonlyMap<string, unknown>;
  /** Who has a URI that is as its server writes it. */
  readonly #owners: Map<string, string> = new Map();
  readonly #counts: Map<string, number> = new Map();

  /** @param upstreams those that are served now, by name. */
  constructor(upstreams: ReadonlyMap<string, unknown>) {
    this.#upstreams = upstreams;
  }

  /** The URI of a server as clients get it. */
  expose(upstream: string, uri: string): string {
    if (!isLink(uri)) return uri;
    const owner = this.#owners.get(uri);
    if (owner === upstream) return uri;
    const isTaken = owner !== undefined && this.#upstreams.has(owner);
    const count = this.#counts.get(upstream) ?? 0;
    // One that looks like another server's would lead there.
    if (isTaken || count >= MAX_OWN || ALIAS.test(uri)) {
      return uri.replace(LINK, (scheme) => `${scheme}${upstream}.switchboard/`);
    }
    if (owner !== undefined) this.#counts.set(owner, (this.#counts.get(owner) ?? 1) - 1);
    this.#owners.set(uri, upstream);
    this.#counts.set(upstream, count + 1);
    return uri;
  }

  /** Where a URI leads that a client shows; nothing where no server has named it. */
  find(uri: string): LinkPlace | undefined {
    const [, scheme, named, rest] = ALIAS.exec(uri) ?? [];
    if (named !== undefined && this.#upstreams.has(named)) return { upstream: named, uri: `${scheme}${rest}` };
    const owner = this.#owners.get(uri);
    return owner !== undefined && this.#upstreams.has(owner) ? { upstream: owner, uri } : undefined;
  }

  /**
   * A body of a server as clients get it: every link under `uri` or `uriTemplate`, and within `_meta` under any key, is exposed. The
   * same object where nothing is another.
   */
  exposeIn(upstream: string, body: JsonObject): JsonObject {
    return replaced(body, (uri) => this.expose(upstream, uri), false) as JsonObject;
  }
}

/** A body with its links in another form. @param isLinkHere whether every text in it may be a link */
export function replaced(value: unknown, form: (uri: string) => string, isLinkHere: boolean): unknown {
  if (typeof value === 'string') return isLinkHere ? form(value) : value;
  if (Array.isArray(value)) {
    const items = value.map((item) => replaced(item, form, isLinkHere));
    return items.some((item, at) => item !== value[at]) ? items : value;
  }
  if (!isObject(value)) return value;
  let changed = false;
  const entries = Object.entries(value).map(([key, each]): [string, unknown] => {
    if (!isLinkHere && OPAQUE.has(key)) return [key, each];
    const isLinkThere = isLinkHere || key === '_meta' || key === 'uri' || key === 'uriTemplate';
    const exposed = replaced(each, form, isLinkThere);
    changed ||= exposed !== each;
    return [key, exposed];
  });
  return changed ? Object.fromEntries(entries) : value;
}
