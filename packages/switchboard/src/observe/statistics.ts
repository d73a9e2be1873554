/** One line every minute that says how busy a gateway is: a function of the events, and of a snapshot when the line is due. */
import type { Emit, GatewayEvent } from './events.ts';

/** How busy a gateway is. */
export interface Situation {
  /** Clients that are connected, those of modern HTTP with a request under way included. */
  clients: number;
  /** Sessions that are ready or away. */
  sessions: number;
  /** Requests that wait for their turn at a server. */
  queued: number;
  /** Requests whose client was asked something. */
  parked: number;
  /** Bytes from clients since the start. */
  bytesIn: number;
  /** Bytes to clients since the start. */
  bytesOut: number;
  /** Bytes that wait for clients now. */
  queuedBytes: number;
  /** The sessions that have used up nearly all of their rate. */
  nearLimit: string[];
}

export interface StatisticsOptions {
  /** How often, in ms; `Infinity` for never. */
  intervalMs: number;
  look(): Situation;
  emit: Emit;
}

/** Further tools of one interval are not told apart. */
const MAX_TOOLS = 1000;
/** So many sessions are named at the most. */
const MAX_NAMED = 5;

/** A tool that was called. */
interface Called {
  upstream: string;
  tool: string;
  calls: number;
}

export class Statistics {
  readonly onEvent: Emit = (event) => this.#take(event);
  readonly #options: StatisticsOptions;
  readonly #clock: NodeJS.Timeout | undefined;
  #requests = 0;
  #errors = 0;
  #refused = 0;
  #bytes: Pick<Situation, 'bytesIn' | 'bytesOut'> = { bytesIn: 0, bytesOut: 0 };
  /** How often each was called, by upstream and name. */
  #tools: Map<string, Map<string, Called>> = new Map();
  #toolCount = 0;

  constructor(options: StatisticsOptions) {
    this.#options = options;
    const { intervalMs } = options;
    this.#clock = intervalMs === Infinity ? undefined : setInterval(() => this.#report(), intervalMs).unref();
  }

  close(): void {
    clearInterval(this.#clock);
  }

  #take(event: GatewayEvent): void {
    if (this.#clock === undefined) return;
    if (event.type === 'request.refused') this.#refused++;
    if (event.type !== 'request.ended') return;
    const { upstream, method, target, outcome } = event;
    this.#requests++;
    if (outcome === 'error' || outcome === 'isError') this.#errors++;
    if (method !== 'tools/call' || target === undefined) return;
    const known = this.#tools.get(upstream)?.get(target);
    if (known !== undefined) known.calls++;
    else if (this.#toolCount < MAX_TOOLS) this.#add({ upstream, tool: target, calls: 1 });
  }

  #add(called: Called): void {
    const tools = this.#tools.get(called.upstream) ?? new Map<string, Called>();
    this.#tools.set(called.upstream, tools.set(called.tool, called));
    this.#toolCount++;
  }

  /** Counts are of the interval; the next one begins. */
  #report(): void {
    const { look, emit, intervalMs } = this.#options;
    const { nearLimit, bytesIn, bytesOut, ...now } = look();
    const called = [...this.#tools.values()].flatMap((tools) => [...tools.values()]);
    const [busiest] = called.toSorted((a, b) => b.calls - a.calls);
    const line: GatewayEvent = {
      type: 'statistics',
      intervalS: Math.round(intervalMs / 1000),
      ...now,
      requests: this.#requests,
      errors: this.#errors,
      refused: this.#refused,
      bytesIn: bytesIn - this.#bytes.bytesIn,
      bytesOut: bytesOut - this.#bytes.bytesOut,
      nearLimit: nearLimit.length,
      ...(nearLimit.length > 0 && { nearest: nearLimit.slice(0, MAX_NAMED) }),
      ...(busiest !== undefined && { busiest }),
    };
    [this.#requests, this.#errors, this.#refused] = [0, 0, 0];
    this.#bytes = { bytesIn, bytesOut };
    this.#tools = new Map();
    this.#toolCount = 0;
    emit(line);
  }
}
