/** What is known of a member's tools: which arguments are repeated in headers, and which tools change nothing; read from its list of
 * tools, again when that has changed. */
import { isObject } from '../protocol/jsonrpc.ts';
import type { JsonObject } from '../protocol/jsonrpc.ts';
import { paramHeadersOf } from '../protocol/param-headers.ts';
import type { ParamHeader } from '../protocol/param-headers.ts';
import type { Outcome } from '../router/exchange.ts';

/** A list of more pages than this is read no further. */
const MAX_PAGES = 100;
const NONE: readonly ParamHeader[] = [];

export class ToolHeaders {
  readonly #list: (params: JsonObject) => Promise<Outcome>;
  #known: Map<string, readonly ParamHeader[]> | undefined;
  #readOnly: ReadonlySet<string> = new Set();
  #loading: Promise<void> | undefined;

  /** @param list asks the server for one page of `tools/list`. */
  constructor(list: (params: JsonObject) => Promise<Outcome>) {
    this.#list = list;
  }

  get isLoaded(): boolean {
    return this.#known !== undefined;
  }

  /** What is known now. */
  of(tool: string): readonly ParamHeader[] {
    return this.#known?.get(tool) ?? NONE;
  }

  /** Whether the server says that a tool changes nothing (MCP, ToolAnnotations). */
  isReadOnly(tool: string): boolean {
    return this.#readOnly.has(tool);
  }

  /** Reads the list unless it is known. Never rejects: a server without tools has none to repeat. */
  load(): Promise<void> {
    if (this.#known !== undefined) return Promise.resolve();
    this.#loading ??= this.#load().finally(() => (this.#loading = undefined));
    return this.#loading;
  }

  /** The list has changed. */
  forget(): void {
    this.#known = undefined;
  }

  async #load(): Promise<void> {
    const known = new Map<string, readonly ParamHeader[]>();
    const readOnly = new Set<string>();
    let cursor: unknown;
    for (let page = 0; page < MAX_PAGES; page++) {
      const outcome = await this.#list(cursor === undefined ? {} : { cursor });
      if ('error' in outcome) break;
      const { tools, nextCursor } = outcome.result;
      for (const tool of Array.isArray(tools) ? tools : []) {
        if (!isObject(tool) || typeof tool['name'] !== 'string') continue;
        const { annotations, name } = tool;
        if (isObject(annotations) && annotations['readOnlyHint'] === true) readOnly.add(name);
        const headers = paramHeadersOf(tool['inputSchema']);
        if (headers.length > 0) known.set(name, headers);
      }
      // An empty cursor is a cursor.
      if (typeof nextCursor !== 'string') break;
      cursor = nextCursor;
    }
    this.#readOnly = readOnly;
    this.#known = known;
  }
}
