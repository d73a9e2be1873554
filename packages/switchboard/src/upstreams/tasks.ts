/**
 * The tasks that a server which several share has begun, and whose each is. An id that a client learned somewhere gives
 * it nothing: to everybody but who began a task it does not exist.
 */
import { SwitchboardError } from '../protocol/errors.ts';
import { isObject } from '../protocol/jsonrpc.ts';
import type { JsonObject } from '../protocol/jsonrpc.ts';
import { LazyResult } from '../protocol/lazy-result.ts';
import type { Exchange, Outcome } from '../router/exchange.ts';
import { OwnedKeys } from '../util/owned-keys.ts';

/** How many tasks are remembered, and how many of one principal; what is forgotten can be asked after by nobody. */
const MAX_TASKS = 10_000;
const MAX_TASKS_EACH = 1000;

export class Tasks {
  readonly #known: OwnedKeys = new OwnedKeys({ max: MAX_TASKS, maxPerOwner: MAX_TASKS_EACH });

  /** Takes a result that may have begun a task. */
  learn({ scope }: Pick<Exchange, 'scope'>, outcome: Outcome): void {
    if ('error' in outcome) return;
    // A large answer is parsed only when there may be something in it.
    if (outcome instanceof LazyResult && !outcome.mentions('taskId')) return;
    const { task, taskId = isObject(task) ? task['taskId'] : undefined } = outcome.result;
    if (typeof taskId === 'string') this.#known.set(taskId, scope.principal, true);
  }

  owns(principal: string, taskId: unknown): boolean {
    return typeof taskId === 'string' && this.#known.get(taskId)?.owner === principal;
  }

  /**
   * What is answered to a request about a task of somebody else, or of nobody.
   *
   * @param own the params as the server's own.
   */
  refusal(
    { params, scope }: Pick<Exchange, 'params' | 'scope'>,
    own: JsonObject | undefined = params,
  ): SwitchboardError | undefined {
    if (this.owns(scope.principal, own?.['taskId'])) return undefined;
    const { taskId } = params ?? {};
    const detail = `task ${typeof taskId === 'string' ? JSON.stringify(taskId) : 'without a taskId'}; it is unknown, or was forgotten`;
    return new SwitchboardError('SWB_UNKNOWN_NAME', { detail });
  }

  /** The params of a listen without the tasks of others. */
  narrowed({ params, scope }: Pick<Exchange, 'params' | 'scope'>): JsonObject | undefined {
    const filter = params?.['notifications'];
    if (!isObject(filter) || filter['taskIds'] === undefined) return params;
    const found: unknown[] = Array.isArray(filter['taskIds']) ? filter['taskIds'] : [];
    const taskIds = found.filter((taskId) => this.owns(scope.principal, taskId));
    return { ...params, notifications: { ...filter, taskIds } };
  }
}
