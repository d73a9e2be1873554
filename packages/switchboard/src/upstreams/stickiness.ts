/**
 * What binds a request to one of several members alike: a state that a server gave out may be readable for that process alone,
 * and a task runs where it was begun.
 */
import type { JsonObject } from '../protocol/jsonrpc.ts';
import type { Outcome } from '../router/exchange.ts';
import { LazyResult } from '../protocol/lazy-result.ts';
import type { Tasks } from './tasks.ts';

const STATE = /^swbm\.(\d{1,3})\.(.*)$/s;

export class Stickiness {
  readonly #tasks: Tasks;

  constructor(tasks: Tasks) {
    this.#tasks = tasks;
  }

  /** The replica that a request must go to, by what it carries. */
  replicaOf(params: JsonObject | undefined): number | undefined {
    const { requestState, taskId } = params ?? {};
    const [, replica] = typeof requestState === 'string' ? (STATE.exec(requestState) ?? []) : [];
    if (replica !== undefined) return Number(replica);
    return this.#tasks.replicaOf(taskId);
  }

  /** The params as the member's own: the state as it gave it out. */
  unsealed(params: JsonObject | undefined): JsonObject | undefined {
    const requestState = params?.['requestState'];
    const [, , own] = typeof requestState === 'string' ? (STATE.exec(requestState) ?? []) : [];
    return own === undefined ? params : { ...params, requestState: own };
  }

  /** The outcome as the client gets it: its state names the replica. */
  sealed(outcome: Outcome, replica: number): Outcome {
    if ('error' in outcome) return outcome;
    // A large answer is parsed only when there may be something in it.
    if (outcome instanceof LazyResult && !outcome.mentions('requestState')) return outcome;
    const { result } = outcome;
    const { requestState } = result;
    if (typeof requestState !== 'string') return outcome;
    return { result: { ...result, requestState: `swbm.${replica}.${requestState}` } };
  }
}
