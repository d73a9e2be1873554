/**
 * A resource's URI as rules judge it and as it is sent on: in one canonical form (RFC 3986, section 6.2.2), so that a server cannot read
 * it as another resource than the rules did. A URI that has no certain reading is refused.
 */

/** A URI with its query and fragment, and without. */
interface Reading {
  readonly full: string;
  readonly bare: string;
}

export interface ResourceUri {
  /** What is sent on. */
  readonly canonical: string;
  /** The canonical form decoded, and then as often as a server may decode it again. A rule that allows must allow each. */
  readonly readings: readonly Reading[];
  /** Whatever else a careless server may take it for. A rule that denies must match none of it. */
  readonly lookalikes: readonly string[];
}

/** Schemes with the name of a machine in front of the path, in which case does not count. */
const NAMES_HOST = /^(https?|wss?|ftp|file):$/;
const ESCAPE = /%[\da-f]{2}/gi;
const UNRESERVED = /[\w.~-]/;
/** `/`, `%`, `?` and `#`: decoded they would be read as something else. */
const SEPARATORS = /%(?=2F|25|3F|23)/g;
/** A URI that can be decoded more often hides something. */
const MAX_READINGS = 3;
const MAX_CHARS = 8192;

/** @returns nothing for what cannot be decoded, and for what servers may read in several ways. */
export function readResourceUri(text: string): ResourceUri | undefined {
  if (text.length > MAX_CHARS || text.trim() !== text || isUnsafe(text)) return undefined;
  const [, written = '', rest = '', suffix = ''] = /^([a-z][a-z\d+.-]*:)?([^?#]*)(.*)$/is.exec(text) ?? [];
  const scheme = written.toLowerCase();
  const path = pathOf(scheme, normalizedEscapes(rest));
  const tail = normalizedEscapes(suffix);
  const paths = decodings(decoded(path.replaceAll(SEPARATORS, '%25')));
  // A server that knows no queries takes one for a part of the path.
  const tails = decodings(decoded(tail));
  if (paths === undefined || tails === undefined) return undefined;
  if (paths.some(isUnsafe) || [...paths, ...tails].some(hasDots)) return undefined;
  const readings = paths.map((each) => {
    const collapsed = scheme + pathOf(scheme, each);
    return { full: collapsed + tails[0]!, bare: collapsed.split(/[?#]/, 1)[0]! };
  });
  const canonical = scheme + path + tail;
  return { canonical, readings, lookalikes: lookalikesOf(scheme, canonical, readings) };
}

/** Without empty segments and dots, whichever kind of URI it is. */
function pathOf(scheme: string, text: string): string {
  const [, slashes = '', rest = ''] = /^(\/*)(.*)$/s.exec(text) ?? [];
  const segments = rest.split('/');
  const [first = ''] = segments;
  if (slashes.length !== 2) {
    const root = scheme === 'file:' || slashes.length > 2 ? '///' : slashes;
    return root + withoutDots(segments);
  }
  const isHere = scheme === 'file:' && first.toLowerCase() === 'localhost';
  const authority = isHere ? '' : NAMES_HOST.test(scheme) ? first.toLowerCase() : first;
  return `//${authority}${segments.length > 1 ? '/' : ''}${withoutDots(segments.slice(1))}`;
}

function withoutDots(segments: readonly string[]): string {
  const kept: string[] = [];
  for (const segment of segments) {
    if (segment === '..') kept.pop();
    else if (segment !== '.' && segment !== '') kept.push(segment);
  }
  const isFolder = kept.length > 0 && /^\.{0,2}$/.test(segments.at(-1) ?? '');
  return kept.join('/') + (isFolder ? '/' : '');
}

/** Escapes in capitals, and none for characters that need none. */
const normalizedEscapes = (text: string): string =>
  text.replaceAll(ESCAPE, (escape) => {
    const character = String.fromCharCode(Number.parseInt(escape.slice(1), 16));
    return UNRESERVED.test(character) ? character : escape.toUpperCase();
  });

/** A decoded text, and what becomes of it when it is decoded again; nothing when there is no end to it. */
function decodings(text: string | undefined): string[] | undefined {
  const found: string[] = [];
  for (let next = text; next !== undefined && next !== found.at(-1); next = decoded(next)) {
    if (found.length === MAX_READINGS) return undefined;
    found.push(next);
  }
  return text === undefined ? undefined : found;
}

/** @returns nothing for an escape that is broken or no UTF-8. */
function decoded(text: string): string | undefined {
  try {
    return decodeURIComponent(text);
  } catch {
    return undefined;
  }
}

/** Control characters, which some readers leave out, and backslashes, which some take for slashes. */
function isUnsafe(text: string): boolean {
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at);
    if (code < 0x20 || code === 0x7f || code === 0x5c) return true;
  }
  return false;
}

const hasDots = (text: string): boolean => text.split(/[/\\?#]/).some((segment) => segment === '.' || segment === '..');

/** Readers count slashes, take no notice of the host, its case, user and port, cut off the query, or the slash at the end. */
function lookalikesOf(scheme: string, canonical: string, readings: readonly Reading[]): string[] {
  const parsed = URL.canParse(canonical) ? [new URL(canonical).href] : [];
  const texts = [
    canonical,
    ...parsed,
    ...parsed.flatMap((href) => decoded(href) ?? []),
    ...readings.flatMap(({ full, bare }) => [full, bare]),
  ];
  const found = new Set<string>();
  for (const text of texts.flatMap((each) => [each, each.replace(/\/$/, '')])) {
    const body = text.slice(scheme.length);
    const bare = body.replace(/^\/+/, '');
    for (const slashes of ['', '/', '//', '///']) found.add(scheme + slashes + bare);
    const [, authority = '', path = ''] = /^\/\/([^/]+)(.*)$/s.exec(body) ?? [];
    if (authority === '') continue;
    const host = authority.replace(/^.*@/s, '').replace(/:\d*$/, '');
    for (const each of [authority.toLowerCase(), host, host.toLowerCase()]) found.add(`${scheme}//${each}${path}`);
    found.add(`${scheme}//${path}`);
  }
  return [...found];
}
