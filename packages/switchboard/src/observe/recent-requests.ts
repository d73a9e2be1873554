/** The newest requests that have ended or were refused, for operators: a function of the events, in a ring of a fixed size. */
import type { Transport } from '../protocol/session-context.ts';
import type { Era } from '../protocol/eras.ts';
import type { Emit, GatewayEvent, RequestOutcome } from './events.ts';

/** How many are kept. */
export const MAX_RECENT = 1000;

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
  bytesIn?: number;
  bytesOut?: number;
}

type Kept = Extract<GatewayEvent, { type: 'request.ended' | 'request.refused' }>;

export class RecentRequests {
  readonly onEvent: Emit = (event) => {
    if (event.type !== 'request.ended' && event.type !== 'request.refused') return;
    this.#ring[this.#count % MAX_RECENT] = { time: Date.now(), event };
    this.#count++;
  };
  readonly #ring: { time: number; event: Kept }[] = [];
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
    const first = Math.max(after, this.#count - Math.min(max, MAX_RECENT), 0);
    return Array.from({ length: Math.max(0, this.#count - first) }, (_, nth) => {
      const { time, event } = this.#ring[(first + nth) % MAX_RECENT]!;
      return recentOf(first + nth + 1, time, event);
    });
  }
}

function recentOf(nr: number, time: number, event: Kept): RecentRequest {
  const { upstream, session, principal, transport } = event;
  const common = { nr, time, upstream, principal, transport, ...(session !== undefined && { session }) };
  if (event.type === 'request.refused') {
    return { ...common, method: event.method ?? '', outcome: 'refused', error: event.code };
  }
  const { exchange: id, method, target, era, ms, outcome, code, error, bytesIn, bytesOut } = event;
  const why = error ?? (code === undefined ? undefined : String(code));
  return {
    ...common,
    id,
    method,
    era,
    ms,
    outcome,
    ...(target !== undefined && { target }),
    ...(why !== undefined && { error: why }),
    ...(bytesIn !== undefined && { bytesIn }),
    ...(bytesOut !== undefined && { bytesOut }),
  };
}
