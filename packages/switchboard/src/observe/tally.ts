/**
 * The counts of requests, kept in plain numbers: every request passes here, and the counters of prom-client build a key out of
 * all labels each time, which costs more than all else that is done to observe a request.
 */
import type { Transport } from '../protocol/session-context.ts';
import type { RequestEnd, RequestFacts, RequestOutcome } from './events.ts';

/** One line of a metric. */
export interface Sample {
  /** Of one part of a histogram. */
  metricName?: string;
  labels: Record<string, string>;
  value: number;
}

/** So many tools and prompts of one upstream have a label of their own, first come; the rest count together as {@link OTHER}. */
export const MAX_TOOL_LABELS = 100;
export const OTHER = 'other';
/** The upper bounds of the buckets of durations, in seconds. */
export const SECONDS: readonly number[] = [
  0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300,
];

/** Clients may ask for any method; these have a label of their own. */
const METHODS: ReadonlySet<string> = new Set([
  'completion/complete',
  'logging/setLevel',
  'prompts/get',
  'prompts/list',
  'resources/list',
  'resources/read',
  'resources/subscribe',
  'resources/templates/list',
  'resources/unsubscribe',
  'server/discover',
  'subscriptions/listen',
  'tasks/cancel',
  'tasks/get',
  'tasks/list',
  'tasks/result',
  'tasks/update',
  'tools/call',
  'tools/list',
]);

const TRANSPORTS: readonly Transport[] = ['websocket', 'http', 'sse', 'stdio', 'memory'];
const ERAS = ['legacy', 'modern'] as const;
const OUTCOMES: readonly RequestOutcome[] = ['ok', 'isError', 'error', 'cancelled'];

/** The requests of one upstream that have the same method and tool. */
interface Tally {
  method: string;
  tool: string;
  /** How many, by transport, era and outcome. */
  counts: Float64Array;
  /** How many took up to each bound, not counted in the next; the last is beyond all. */
  buckets: Float64Array;
  seconds: number;
}

interface UpstreamTally {
  /** By method, or by method and tool. */
  tallies: Map<string, Tally>;
  tools: Map<string, Map<string, Tally>>;
  named: number;
}

export class RequestTally {
  readonly #upstreams: Map<string, UpstreamTally> = new Map();

  ended({ upstream, method, target, transport, era, outcome, ms }: RequestFacts & RequestEnd): void {
    const all = this.#of(upstream);
    const tally = tallyOf(all, method, target);
    const at = (TRANSPORTS.indexOf(transport) * ERAS.length + (era === 'modern' ? 1 : 0)) * OUTCOMES.length;
    tally.counts[at + OUTCOMES.indexOf(outcome)]!++;
    const seconds = ms / 1000;
    let bucket = 0;
    while (bucket < SECONDS.length && seconds > SECONDS[bucket]!) bucket++;
    tally.buckets[bucket]!++;
    tally.seconds += seconds;
  }

  counts(): Sample[] {
    return this.#each().flatMap(([upstream, { method, tool, counts }]) =>
      [...counts].flatMap((value, at) => {
        if (value === 0) return [];
        const outcome = OUTCOMES[at % OUTCOMES.length]!;
        const era = ERAS[Math.floor(at / OUTCOMES.length) % ERAS.length]!;
        const transport = TRANSPORTS[Math.floor(at / OUTCOMES.length / ERAS.length)]!;
        return [{ labels: { upstream, method, tool, transport, era, outcome }, value }];
      }),
    );
  }

  durations(name: string): Sample[] {
    // A listen lasts as long as its client likes.
    const timed = this.#each().filter(([, { method }]) => method !== 'subscriptions/listen');
    return timed.flatMap(([upstream, { method, tool, buckets, seconds }]) => {
      const labels = { upstream, method, tool };
      let count = 0;
      const bounds = [...buckets].map((value, at) => {
        count += value;
        const le = String(SECONDS[at] ?? '+Inf');
        return { metricName: `${name}_bucket`, labels: { le, ...labels }, value: count };
      });
      return [
        ...bounds,
        { metricName: `${name}_sum`, labels, value: seconds },
        { metricName: `${name}_count`, labels, value: count },
      ];
    });
  }

  #of(upstream: string): UpstreamTally {
    let found = this.#upstreams.get(upstream);
    if (found === undefined) {
      found = { tallies: new Map(), tools: new Map(), named: 0 };
      this.#upstreams.set(upstream, found);
    }
    return found;
  }

  #each(): [string, Tally][] {
    return [...this.#upstreams].flatMap(([upstream, { tallies, tools }]) =>
      [tallies, ...tools.values()].flatMap((group) =>
        [...group.values()].map((tally): [string, Tally] => [upstream, tally]),
      ),
    );
  }
}

function tallyOf(all: UpstreamTally, asked: string, target = ''): Tally {
  if (asked !== 'tools/call' && asked !== 'prompts/get') {
    const method = METHODS.has(asked) ? asked : OTHER;
    return found(all.tallies, method, '', method);
  }
  let tools = all.tools.get(asked);
  if (tools === undefined) all.tools.set(asked, (tools = new Map()));
  const known = tools.get(target);
  if (known !== undefined) return known;
  if (all.named >= MAX_TOOL_LABELS) return found(tools, asked, OTHER, OTHER);
  all.named++;
  return found(tools, asked, target, target);
}

function found(tallies: Map<string, Tally>, method: string, tool: string, key: string): Tally {
  let tally = tallies.get(key);
  if (tally === undefined) {
    const counts = new Float64Array(TRANSPORTS.length * ERAS.length * OUTCOMES.length);
    tally = { method, tool, counts, buckets: new Float64Array(SECONDS.length + 1), seconds: 0 };
    tallies.set(key, tally);
  }
  return tally;
}
