/** What one upstream says, as a client of the catalogue gets it: links and ids of tasks lead back to that upstream. */
import { isObject, textOf } from '../../protocol/jsonrpc.ts';
import type { JsonObject, RpcNotification } from '../../protocol/jsonrpc.ts';
import { LazyResult } from '../../protocol/lazy-result.ts';
import type { Caller, Outcome, Question, Scope } from '../exchange.ts';
import type { CatalogueContext } from './context.ts';
import { LINK_SIGNS, replaced } from './links.ts';
import { withRelatedTask, withTaskId } from './task-ids.ts';

/** Whose results are tasks. */
const TASK_METHODS: ReadonlySet<string> = new Set(['tasks/get', 'tasks/cancel', 'tasks/update']);

export class Outward {
  readonly #taskId: (own: string) => string;
  readonly #expose: (uri: string) => string;

  /** @param principal who gets it. */
  constructor(catalogue: CatalogueContext, upstream: string, principal: string) {
    this.#expose = (uri) => catalogue.links.expose(upstream, uri);
    this.#taskId = (own) => catalogue.taskIds.close(principal, upstream, own);
  }

  /** @param asked the URI that was asked for, as the server and as the client writes it: it is answered as it was asked. */
  outcome(method: string, outcome: Outcome, asked?: { own: string; shown: string }): Outcome {
    const form = (uri: string): string => (uri === asked?.own ? asked.shown : this.#expose(uri));
    if ('error' in outcome) {
      const { data } = outcome.error;
      if (!isObject(data) || asked === undefined) return outcome;
      // An error is no place to name anything: only what was asked for is told as it was.
      const told = replaced(data, (uri) => (uri === asked.own ? asked.shown : uri), false);
      return { error: { ...outcome.error, data: told } };
    }
    // A large answer is parsed only when there may be something in it.
    if (outcome instanceof LazyResult && !mayHold(outcome)) return outcome;
    const { result } = outcome;
    const exposed = this.#result(method, result, form);
    return exposed === result ? outcome : { result: exposed };
  }

  notification(note: RpcNotification): RpcNotification {
    const { method, params } = note;
    if (params === undefined) return note;
    const isTask = method === 'notifications/tasks' || method === 'notifications/tasks/status';
    const linked = method.startsWith('notifications/resources/') ? this.#links(params) : params;
    return { ...note, params: withRelatedTask(isTask ? this.task(linked) : linked, this.#taskId) };
  }

  question({ method, params }: Question): Question {
    return params === undefined ? { method } : { method, params: withRelatedTask(params, this.#taskId) };
  }

  /** The filter of a listen, as the client knows its resources and tasks. */
  filter(honored: JsonObject): JsonObject {
    const { resourceSubscriptions: uris, taskIds } = honored;
    return {
      ...honored,
      ...(Array.isArray(uris) && { resourceSubscriptions: uris.map((uri) => this.#expose(textOf(uri))) }),
      ...(Array.isArray(taskIds) && { taskIds: taskIds.map((taskId) => this.#taskId(textOf(taskId))) }),
    };
  }

  /** One that has its id under `taskId`, and perhaps the result of what it did. */
  task(task: JsonObject): JsonObject {
    const { result } = task;
    const named = withTaskId(task, this.#taskId);
    return isObject(result) ? { ...named, result: this.#result('tools/call', result) } : named;
  }

  #links(body: JsonObject, form: (uri: string) => string = this.#expose): JsonObject {
    return replaced(body, form, false) as JsonObject;
  }

  #result(method: string, result: JsonObject, form?: (uri: string) => string): JsonObject {
    const linked = withRelatedTask(this.#links(result, form), this.#taskId);
    if (TASK_METHODS.has(method) || linked['resultType'] === 'task') return this.task(linked);
    const { task, content } = linked;
    return isObject(task) && content === undefined ? { ...linked, task: this.task(task) } : linked;
  }
}

/** Whether a large result may have something in it that has another form for clients. */
const mayHold = (result: LazyResult): boolean =>
  result.mentions('taskId') || LINK_SIGNS.some((sign) => result.contains(sign));

/** A session as one upstream of the catalogue knows it. */
export class OutwardCaller implements Caller {
  readonly scope: Scope;
  readonly #caller: Caller;
  readonly #outward: Outward;
  readonly #inward: (taskId: string) => string;

  constructor(caller: Caller, catalogue: CatalogueContext, upstream: string) {
    const { principal } = caller.scope;
    this.scope = caller.scope;
    this.#caller = caller;
    this.#outward = new Outward(catalogue, upstream, principal);
    this.#inward = (taskId) => catalogue.taskIds.open(principal, taskId)?.taskId ?? taskId;
  }

  notify(note: RpcNotification): void {
    this.#caller.notify(this.#outward.notification(note));
  }

  async ask(question: Question, signal: AbortSignal): Promise<Outcome> {
    const outcome = await this.#caller.ask(this.#outward.question(question), signal);
    return 'error' in outcome ? outcome : { result: withRelatedTask(outcome.result, this.#inward) };
  }

  end(): void {
    this.#caller.end?.();
  }
}
