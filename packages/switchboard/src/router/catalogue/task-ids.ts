/**
 * The ids of tasks, in which a client finds no server's name: at the merged address each holds the name of its server, sealed for
 * the principal that was given the task, as a `requestState` is.
 */
import { isObject } from '../../protocol/jsonrpc.ts';
import type { JsonObject } from '../../protocol/jsonrpc.ts';
import type { Seal } from './seal.ts';

/** The key of `_meta` that names the task which a message belongs to (MCP 2025-11-25, Tasks, "Associating task-related messages"). */
const RELATED = 'io.modelcontextprotocol/related-task';

export interface TaskPlace {
  upstream: string;
  /** The id as the server gave it. */
  taskId: string;
}

export class TaskIds {
  readonly #seal: Seal;

  constructor(seal: Seal) {
    this.#seal = seal;
  }

  /** The id that a client gets for a task of a server. */
  close(principal: string, upstream: string, taskId: string): string {
    return this.#seal.close(['task', principal], [upstream, taskId]);
  }

  /** Whose task an id names; nothing where it is none that this principal was given. */
  open(principal: string, taskId: unknown): TaskPlace | undefined {
    const opened = typeof taskId === 'string' ? this.#seal.open(['task', principal], taskId) : undefined;
    if (opened === undefined) return undefined;
    const [upstream, own] = opened as [string, string];
    return { upstream, taskId: own };
  }
}

/** A body with the id that stands under `taskId` in another form. */
export function withTaskId(body: JsonObject, form: (taskId: string) => string): JsonObject {
  const { taskId } = body;
  return typeof taskId === 'string' ? { ...body, taskId: form(taskId) } : body;
}

/** A body with the id of the task that it belongs to in another form. */
export function withRelatedTask(body: JsonObject, form: (taskId: string) => string): JsonObject {
  const meta = body['_meta'];
  const related = isObject(meta) ? meta[RELATED] : undefined;
  if (!isObject(meta) || !isObject(related)) return body;
  return { ...body, _meta: { ...meta, [RELATED]: withTaskId(related, form) } };
}
