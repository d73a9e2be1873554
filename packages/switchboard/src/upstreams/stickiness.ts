/**
 * What binds a request to one of several members alike: a state that a server gave out may be readable for that process alone,
 * and a task runs where it was begun.
 */
import { isObject } from '../protocol/jsonrpc.ts';
import type { JsonObject } from '../protocol/jsonrpc.ts';
import type { Outcome } from '../router/exchange.ts';
import { LazyResult } from '../protocol/lazy-result.ts';

/** How many tasks are remembered; the oldest is forgotten first, and then looked for at the first member. */
const MAX_TASKS = 10_000;
const STATE = /^swbm\.(\d{1,3})\.(.*)$/s;

export class Stickiness {
  readonly #tasks: Map<string, number> = new Map();

  /** The seat that a request must go to, by what it carries. */
  seatOf(params: JsonObject | undefined): number | undefined {
    const { requestState, taskId } = params ?? {};
    const [, seat] = typeof requestState === 'string' ? (STATE.exec(requestState) ?? []) : [];
    if (seat !== undefined) return Number(seat);
    return typeof taskId === 'string' ? this.#tasks.get(taskId) : undefined;
  }

  /** The params as the member's own: the state as it gave it out. */
  unsealed(params: JsonObject | undefined): JsonObject | undefined {
    const requestState = params?.['requestState'];
    const [, , own] = typeof requestState === 'string' ? (STATE.exec(requestState) ?? []) : [];
    return own === undefined ? params : { ...params, requestState: own };
  }

  /** The outcome as the client gets it: its state names the seat, and a task of it is remembered. */
  sealed(outcome: Outcome, seat: number): Outcome {
    if ('error' in outcome) return outcome;
    // A large answer is parsed only when there may be something in it.
    if (outcome instanceof LazyResult && !outcome.mentions('requestState') && !outcome.mentions('taskId'))
      return outcome;
    const { result } = outcome;
    const { requestState, task } = result;
    const taskId = isObject(task) ? task['taskId'] : result['taskId'];
    if (typeof taskId === 'string') this.#remember(taskId, seat);
    if (typeof requestState !== 'string') return outcome;
    return { result: { ...result, requestState: `swbm.${seat}.${requestState}` } };
  }

  #remember(taskId: string, seat: number): void {
    this.#tasks.delete(taskId);
    this.#tasks.set(taskId, seat);
    const [oldest] = this.#tasks.keys();
    if (this.#tasks.size > MAX_TASKS && oldest !== undefined) this.#tasks.delete(oldest);
  }
}
