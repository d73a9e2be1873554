/**
 * What the members of an upstream say of their tools, so that it is noticed when one of them says something else than before: a
 * description is read by a model, and a server that was harmless when somebody looked at it may not be any more ("rug pull").
 */
import { createHash } from 'node:crypto';

import { isObject } from '../protocol/jsonrpc.ts';
import type { JsonObject } from '../protocol/jsonrpc.ts';
import { cut } from '../util/cut.ts';

/** How many tools are remembered, and how many definitions of each; those not seen for longest are forgotten. */
const MAX_TOOLS = 10_000;
const MAX_DEFINITIONS = 8;
/** Names that servers choose stand in events no longer than this, and no more of them. */
const MAX_NAME_CHARS = 128;
const MAX_NAMED = 20;

export class Definitions {
  /** Digests by tool, those of one set of values of callers apart from those of others. */
  readonly #known: Map<string, readonly string[]> = new Map();

  /**
   * Takes a page of `tools/list`.
   *
   * @param whose the digest of the callers' values that the member has, as a server may say something else to each. @default ''
   * @returns the names of tools that were known and are defined as never before.
   */
  changed(page: JsonObject, whose = ''): string[] {
    const { tools } = page;
    const changed: string[] = [];
    for (const tool of Array.isArray(tools) ? tools : []) {
      if (!isObject(tool) || typeof tool['name'] !== 'string') continue;
      const key = `${whose} ${tool['name']}`;
      const digest = createHash('sha256').update(JSON.stringify(tool)).digest('base64');
      const known = this.#known.get(key) ?? [];
      if (known.length > 0 && !known.includes(digest)) changed.push(cut(tool['name'], MAX_NAME_CHARS));
      this.#remember(key, [...known.filter((each) => each !== digest), digest].slice(-MAX_DEFINITIONS));
    }
    return changed.slice(0, MAX_NAMED);
  }

  #remember(key: string, digests: readonly string[]): void {
    this.#known.delete(key);
    this.#known.set(key, digests);
    if (this.#known.size <= MAX_TOOLS) return;
    const [oldest] = this.#known.keys();
    this.#known.delete(oldest!);
  }
}
