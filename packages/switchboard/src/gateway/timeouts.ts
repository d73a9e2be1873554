/** How long each request may go without an answer or a progress note: by tool, by upstream, or as for all. */
import { textOf } from '../protocol/jsonrpc.ts';
import type { Exchange } from '../router/exchange.ts';
import { parseDuration } from '../util/units.ts';
import type { UpstreamOptions } from './upstream-options.ts';

export class Timeouts {
  readonly #fallbackMs: number;
  readonly #upstreams: Map<string, { ms: number; tools: ReadonlyMap<string, number> }> = new Map();

  constructor(fallbackMs: number, upstreams: Readonly<Record<string, UpstreamOptions>>) {
    this.#fallbackMs = fallbackMs;
    this.set(upstreams);
  }

  set(upstreams: Readonly<Record<string, UpstreamOptions>>): void {
    this.#upstreams.clear();
    for (const [name, { requestTimeout, timeouts }] of Object.entries(upstreams)) {
      if (requestTimeout === undefined && timeouts === undefined) continue;
      const ms = requestTimeout === undefined ? this.#fallbackMs : (parseDuration(requestTimeout) ?? this.#fallbackMs);
      const tools = Object.entries(timeouts ?? {}).map(([tool, value]) => [tool, parseDuration(value) ?? ms] as const);
      this.#upstreams.set(name, { ms, tools: new Map(tools) });
    }
  }

  of({ slot, method, params: shown, reached }: Exchange): number {
    const { upstream, params } = reached ?? { upstream: slot.upstream, params: shown };
    const own = this.#upstreams.get(upstream);
    if (own === undefined) return this.#fallbackMs;
    return (method === 'tools/call' ? own.tools.get(textOf(params?.['name'])) : undefined) ?? own.ms;
  }
}
