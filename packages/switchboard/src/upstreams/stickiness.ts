/**
 * What binds a request to one of several members alike: a state that a server gave out may be readable for that process alone,
 * and a task runs where it was begun. Clients get both with the number of the replica in front, so that any node of a cluster finds it.
 */
import { isObject } from '../protocol/jsonrpc.ts';
import type { JsonObject, RpcNotification } from '../protocol/jsonrpc.ts';
import type { Outcome } from '../router/exchange.ts';
import { LazyResult } from '../protocol/lazy-result.ts';

const BOUND = /^swbm\.(\d{1,3})\.(.*)$/s;

/** The names under which a server gives out what only the same process knows. */
const NAMES = ['requestState', 'taskId'] as const;

export class Stickiness {
  /** The replica that a request must go to, by what it carries; a listen goes where the first task is that it asks about. */
  replicaOf(params: JsonObject | undefined): number | undefined {
    const carried = [params?.['requestState'], params?.['taskId'], ...taskIdsIn(params)];
    return carried.map((each) => opened(each)?.replica).find((replica) => replica !== undefined);
  }

  /** The params as the member's own: what names a replica as the server gave it out, without tasks of other replicas. */
  unsealed(params: JsonObject | undefined, replica: number): JsonObject | undefined {
    if (params === undefined) return undefined;
    const own: JsonObject = { ...params };
    for (const name of NAMES) own[name] = opened(params[name])?.own ?? params[name];
    return withTaskIds(own, (taskIds) =>
      taskIds.flatMap((taskId) => {
        const found = opened(taskId);
        return found === undefined ? [taskId] : found.replica === replica ? [found.own] : [];
      }),
    );
  }

  /** The outcome as the client gets it: its state and its task name the replica. */
  sealed(outcome: Outcome, replica: number): Outcome {
    if ('error' in outcome) return outcome;
    // A large answer is parsed only when there may be something in it.
    if (outcome instanceof LazyResult && !NAMES.some((name) => outcome.mentions(name))) return outcome;
    const { result } = outcome;
    const { task } = result;
    const own = withSealed(result, replica);
    const ownTask = isObject(task) ? withSealed(task, replica) : task;
    return own === result && ownTask === task
      ? outcome
      : { result: { ...own, ...(task !== undefined && { task: ownTask }) } };
  }

  /** What a server says of a task, as the client gets it. */
  sealedNote(note: RpcNotification, replica: number): RpcNotification {
    const { params } = note;
    if (params === undefined) return note;
    const sealed = withTaskIds(withSealed(params, replica), (taskIds) =>
      taskIds.map((taskId) => bound(taskId, replica)),
    );
    return sealed === params ? note : { ...note, params: sealed };
  }
}

function opened(value: unknown): { replica: number; own: string } | undefined {
  const [, replica, own] = typeof value === 'string' ? (BOUND.exec(value) ?? []) : [];
  return own === undefined ? undefined : { replica: Number(replica), own };
}

const bound = (value: unknown, replica: number): unknown =>
  typeof value === 'string' ? `swbm.${replica}.${value}` : value;

function withSealed(body: JsonObject, replica: number): JsonObject {
  const names = NAMES.filter((name) => typeof body[name] === 'string');
  if (names.length === 0) return body;
  return { ...body, ...Object.fromEntries(names.map((name) => [name, bound(body[name], replica)])) };
}

/** The tasks that a listen asks about. */
function taskIdsIn(params: JsonObject | undefined): readonly unknown[] {
  const filter = params?.['notifications'];
  const taskIds = isObject(filter) ? filter['taskIds'] : undefined;
  return Array.isArray(taskIds) ? (taskIds as unknown[]) : [];
}

function withTaskIds(params: JsonObject, change: (taskIds: readonly unknown[]) => unknown[]): JsonObject {
  const taskIds = taskIdsIn(params);
  if (taskIds.length === 0) return params;
  return { ...params, notifications: { ...(params['notifications'] as JsonObject), taskIds: change(taskIds) } };
}
