/** What a server says of itself at its handshake, as far as a page for operators shows it. */
import { META, metaOf } from '../protocol/eras.ts';
import { isObject } from '../protocol/jsonrpc.ts';
import { capabilitiesOf } from '../protocol/translate.ts';
import { MAX_OWN_WORDS, cut } from '../util/cut.ts';
import type { Handshake } from './handshake.ts';

export interface SelfDescription {
  /** How it calls itself. */
  server?: { name?: string; version?: string };
  /** What it declares, such as `tools` and `tools.listChanged`. */
  capabilities: readonly string[];
}

/** So many capabilities are named. */
const MAX_CAPABILITIES = 50;

/** @param mask takes the values of callers out of what a server repeats. */
export function selfDescriptionOf({ era, result }: Handshake, mask: (text: string) => string): SelfDescription {
  const said = era === 'modern' ? metaOf(result)?.[META.serverInfo] : result['serverInfo'];
  const words = (value: unknown): string | undefined =>
    typeof value === 'string' ? cut(mask(value), MAX_OWN_WORDS) : undefined;
  const [name, version] = isObject(said) ? [words(said['name']), words(said['version'])] : [];
  const capabilities = Object.entries(capabilitiesOf(result)).flatMap(([capability, parts]) => {
    // What is false is not there; of experimental ones and extensions the names say all.
    const named = isObject(parts) ? Object.keys(parts).filter((part) => parts[part] !== false) : [];
    return [capability, ...named.map((part) => `${capability}.${part}`)];
  });
  return {
    ...((name !== undefined || version !== undefined) && {
      server: { ...(name !== undefined && { name }), ...(version !== undefined && { version }) },
    }),
    capabilities: capabilities.slice(0, MAX_CAPABILITIES).map((each) => cut(mask(each), MAX_OWN_WORDS)),
  };
}
