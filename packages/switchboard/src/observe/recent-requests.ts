/** The newest requests that have ended or were refused, for operators: a function of the events, in a ring of a fixed size. */
import type { Transport } from '../protocol/session-context.ts';
import type { Era } from '../protocol/eras.ts';
import type { Emit, GatewayEvent, RequestOutcome } from './events.ts';
import type { RequestTimes } from './timeline.ts';

/** How many are kept of those that have ended, and of those that were refused: a flood of these takes no room from the others. */
export const MAX_ENDED = 1000;
export const MAX_REFUSED = 250;
/** How many are kept in all. */
export const MAX_RECENT: number = MAX_ENDED + MAX_REFUSED;

/** A request that has ended, or came no further than its connection (`refused`). */
export interface RecentRequest {
  /** Counted from 1. */
  nr: number;
  /** When it ended, in ms since 1970. */
  time: number;
  /** The exchange's id; absent for one that was refused. */
  id?: string;
  method: string;
  target?: string;
  upstream: string;
  session?: string;
  principal: string;
  transport: Transport;
  era?: Era;
  ms?: number;
  outcome: RequestOutcome | 'refused';
  /** Why: the name of Switchboard's own error, or the number of the server's. */
  error?: string;
  /** The trace that it belongs to, 32 hexadecimal digits. */
  trace?: string;
  /** Where the time went. */
  times?: RequestTimes;
  bytesIn?: number;
  bytesOut?: number;
}

type Kept = Extract<GatewayEvent, { type: 'request.ended' | 'request.refused' }>;
type Entry = { [Name in keyof Required<Omit<RecentRequest, 'times'>>]: RecentRequest[Name] } & {
  /** By {@link MOMENTS}; NaN for what is not known. Numbers in an array are written over where they are. */
  moments: Float64Array;
};

const MOMENTS = [
  'turn',
  'server',
  'sent',
  'progress',
  'answered',
  'asked',
  'held',
] as const satisfies readonly (keyof RequestTimes)[];

export class RecentRequests {
  readonly onEvent: Emit = (event) => {
    if (event.type !== 'request.ended' && event.type !== 'request.refused') return;
    const ring = event.type === 'request.ended' ? this.#ended : this.#refused;
    const at = ring.count++ % ring.size;
    // Written over in its place: an event that is kept for a thousand requests would be moved to the old generation, each of them
    // (docs/decisions/0008).
    write((ring.entries[at] ??= blank()), ++this.#count, event);
  };
  readonly #ended: Ring = { size: MAX_ENDED, entries: [], count: 0 };
  readonly #refused: Ring = { size: MAX_REFUSED, entries: [], count: 0 };
  #count = 0;

  /** How many there were since the start. */
  get count(): number {
    return this.#count;
  }

  /**
   * The newest ones, oldest first.
   *
   * @param after the number of the last one that is known already. @default 0
   * @param max how many at most. @default all that are kept
   */
  list(after = 0, max: number = MAX_RECENT): RecentRequest[] {
    if (after >= this.#count) return [];
    return [...this.#ended.entries, ...this.#refused.entries]
      .filter(({ nr }) => nr > after)
      .toSorted((one, other) => one.nr - other.nr)
      .slice(-max)
      .map(({ moments, ...entry }) => ({ ...known(entry), ...timesOf(moments) }) as RecentRequest);
  }
}

interface Ring {
  readonly size: number;
  readonly entries: Entry[];
  /** How many there were since the start. */
  count: number;
}

const blank = (): Entry => ({
  nr: 0,
  time: 0,
  upstream: '',
  principal: '',
  transport: 'http',
  session: undefined,
  id: undefined,
  method: '',
  era: undefined,
  ms: undefined,
  outcome: 'ok',
  target: undefined,
  error: undefined,
  trace: undefined,
  bytesIn: undefined,
  bytesOut: undefined,
  moments: new Float64Array(MOMENTS.length).fill(NaN),
});

/** In the order of {@link MOMENTS}. One by one: it is done for every request. */
function writeTimes(moments: Float64Array, times: RequestTimes | undefined): void {
  moments[0] = times?.turn ?? NaN;
  moments[1] = times?.server ?? NaN;
  moments[2] = times?.sent ?? NaN;
  moments[3] = times?.progress ?? NaN;
  moments[4] = times?.answered ?? NaN;
  moments[5] = times?.asked ?? NaN;
  moments[6] = times?.held ?? NaN;
}

const known = (entry: object): object =>
  Object.fromEntries(Object.entries(entry).filter(([, value]) => value !== undefined));

function timesOf(moments: Float64Array): { times?: RequestTimes } {
  const found = MOMENTS.flatMap((name, at) => (Number.isNaN(moments[at]) ? [] : [[name, moments[at]]]));
  return found.length === 0 ? {} : { times: Object.fromEntries(found) as RequestTimes };
}

function write(entry: Entry, nr: number, event: Kept): void {
  const ended = event.type === 'request.ended' ? event : undefined;
  const number = ended?.code === undefined ? undefined : String(ended.code);
  entry.nr = nr;
  entry.time = Date.now();
  entry.upstream = event.upstream;
  entry.principal = event.principal;
  entry.transport = event.transport;
  entry.session = event.session;
  entry.id = ended?.exchange;
  entry.method = event.method ?? '';
  entry.era = ended?.era;
  entry.ms = ended?.ms;
  entry.outcome = ended?.outcome ?? 'refused';
  entry.target = ended?.target;
  entry.error = event.type === 'request.refused' ? event.code : (event.error ?? number);
  entry.trace = ended?.trace;
  entry.bytesIn = ended?.bytesIn;
  entry.bytesOut = ended?.bytesOut;
  writeTimes(entry.moments, ended?.times);
}
