/**
 * One `subscriptions/listen` of a modern client, as one to each upstream. An upstream that is not there is waited for, and what
 * may have been missed meanwhile is told.
 */
import { SwitchboardError } from '../../protocol/errors.ts';
import { isObject, notification, textOf } from '../../protocol/jsonrpc.ts';
import type { JsonObject, RpcNotification } from '../../protocol/jsonrpc.ts';
import { backoffMs } from '../../util/backoff.ts';
import { owned } from '../../util/owned.ts';
import type { Exchange, Outcome } from '../exchange.ts';
import { SubExchange } from '../sub-exchange.ts';
import { Outward } from './outward.ts';
import type { Reach } from './reach.ts';

const ACKNOWLEDGED = 'notifications/subscriptions/acknowledged';
/** The filter's keys for lists, and what is told of them (MCP 2026-07-28, "Subscriptions"). */
const LIST_CHANGES: ReadonlyMap<string, string> = new Map([
  ['toolsListChanged', 'notifications/tools/list_changed'],
  ['promptsListChanged', 'notifications/prompts/list_changed'],
  ['resourcesListChanged', 'notifications/resources/list_changed'],
]);
/** An upstream that answers so does not take listens at all. */
const REFUSALS: ReadonlySet<number> = new Set([-32601, -32602]);
/** What is kept of what comes before the acknowledgement, which is the first thing that a listening client hears. */
const MAX_HELD = 100;

export class MergedSubscription {
  readonly #slot: Reach;
  readonly #exchange: Exchange;
  readonly #honoredUris: string[] = [];
  readonly #honoredTasks: unknown[] = [];
  readonly #honoredLists: Set<string> = new Set();
  #held: RpcNotification[] | undefined = [];

  constructor(slot: Reach, exchange: Exchange) {
    this.#slot = slot;
    this.#exchange = exchange;
  }

  /** @throws {SwitchboardError} `SWB_INVALID_PARAMS` */
  async start(): Promise<void> {
    const { names, catalogue } = this.#slot;
    const filter = this.#exchange.params?.['notifications'];
    if (!isObject(filter)) {
      const detail = `notifications is ${JSON.stringify(filter) ?? 'missing'}, expected an object`;
      throw new SwitchboardError('SWB_INVALID_PARAMS', { detail });
    }
    const lists = Object.fromEntries(
      [...LIST_CHANGES.keys()].flatMap((key) => (filter[key] === true ? [[key, true]] : [])),
    );
    const uris = await this.#byOwner(filter['resourceSubscriptions']);
    const taskIds = this.#tasksByOwner(filter['taskIds']);
    // An upstream that takes long is heard when it is there.
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<void>((resolve) => (timer = setTimeout(resolve, catalogue.patienceMs)));
    const heard = names.map(
      (name) =>
        new Promise<void>((resolve) => {
          const wanted = { ...lists, ...(taskIds.has(name) && { taskIds: taskIds.get(name) }) };
          // What fails for one upstream is not heard of it; the others go on.
          owned(
            () => this.#follow(name, wanted, uris.get(name) ?? [], resolve),
            (thrown) => {
              this.#exchange.report(thrown);
              resolve();
            },
          );
        }),
    );
    await Promise.race([late, Promise.all(heard)]);
    clearTimeout(timer);
    this.#acknowledge(lists);
  }

  /** The resources that each upstream is asked to watch. */
  async #byOwner(uris: unknown): Promise<ReadonlyMap<string, string[]>> {
    const owned = new Map<string, string[]>();
    const wanted = Array.isArray(uris) ? uris.filter((uri): uri is string => typeof uri === 'string') : [];
    for (const uri of new Set(wanted)) {
      const place = await this.#slot.placeOf(uri, this.#exchange);
      const [owner] =
        place === undefined
          ? await this.#slot.catalogue.owners.find(this.#slot, this.#exchange, uri)
          : [place.upstream];
      if (owner !== undefined) owned.set(owner, [...(owned.get(owner) ?? []), place?.uri ?? uri]);
    }
    return owned;
  }

  /** The tasks that each upstream is asked to tell of, by its own ids. */
  #tasksByOwner(shown: unknown): ReadonlyMap<string, string[]> {
    const owned = new Map<string, string[]>();
    const { principal } = this.#exchange.scope;
    for (const each of new Set(Array.isArray(shown) ? shown : [])) {
      const place = this.#slot.catalogue.taskIds.open(principal, each);
      if (place !== undefined) owned.set(place.upstream, [...(owned.get(place.upstream) ?? []), place.taskId]);
    }
    return owned;
  }

  /** Listens to one upstream for as long as the client does. @param settled called when it is known what the upstream will tell. */
  async #follow(name: string, lists: JsonObject, uris: readonly string[], settled: () => void): Promise<void> {
    const { scope } = this.#exchange;
    if ((await this.#slot.ready(name, scope)) === undefined) settled();
    for (let round = 0; !this.#exchange.settled; round++) {
      if (round > 0) await new Promise((resolve) => setTimeout(resolve, backoffMs(round)).unref());
      const member = await this.#slot.reach(name, scope, () => this.#exchange.settled);
      if (member === undefined) break;
      const ended = await this.#listen(name, lists, uris, settled);
      if ('error' in ended && REFUSALS.has(ended.error.code)) break;
    }
    settled();
  }

  #listen(name: string, lists: JsonObject, uris: readonly string[], settled: () => void): Promise<Outcome> {
    const notifications = { ...lists, ...(uris.length > 0 && { resourceSubscriptions: [...uris] }) };
    const outward = new Outward(this.#slot.catalogue, name, this.#exchange.scope.principal);
    return new Promise((resolve) => {
      const sub = new SubExchange(this.#exchange, {
        params: { ...this.#exchange.params, notifications },
        settle: (outcome) => {
          this.#slot.forget(sub);
          resolve(outcome);
        },
        notify: (note) => {
          if (note.method !== ACKNOWLEDGED) {
            this.#notify(outward.notification(note));
            return;
          }
          const { params } = note;
          this.#honor(outward.filter(isObject(params?.['notifications']) ? params['notifications'] : {}));
          settled();
        },
      });
      sub.onEnd(() => resolve({ result: {} }));
      this.#slot.serve(name, sub);
    });
  }

  /** Before the acknowledgement: what the client will hear. After it: what it may have missed. */
  #honor(honored: JsonObject): void {
    const uris = Array.isArray(honored['resourceSubscriptions']) ? honored['resourceSubscriptions'].map(textOf) : [];
    if (this.#held !== undefined) {
      this.#honoredUris.push(...uris);
      if (Array.isArray(honored['taskIds'])) this.#honoredTasks.push(...honored['taskIds']);
      for (const key of LIST_CHANGES.keys()) if (honored[key] === true) this.#honoredLists.add(key);
      return;
    }
    for (const [key, method] of LIST_CHANGES) if (honored[key] === true) this.#notify(notification(method));
    for (const uri of uris) this.#notify(notification('notifications/resources/updated', { uri }));
  }

  #acknowledge(lists: JsonObject): void {
    const isMissing = this.#slot.names.some((name) => this.#slot.catalogue.isMissing(name));
    const keys = isMissing ? Object.keys(lists) : [...this.#honoredLists];
    const uris = [...new Set(this.#honoredUris)];
    const notifications = {
      ...Object.fromEntries(keys.map((key) => [key, true])),
      ...(uris.length > 0 && { resourceSubscriptions: uris }),
      ...(this.#honoredTasks.length > 0 && { taskIds: this.#honoredTasks }),
    };
    this.#exchange.notify(notification(ACKNOWLEDGED, { notifications }));
    const held = this.#held ?? [];
    this.#held = undefined;
    for (const note of held) this.#notify(note);
  }

  #notify(note: RpcNotification): void {
    if (this.#held === undefined) this.#exchange.notify(note);
    else if (this.#held.length < MAX_HELD) this.#held.push(note);
  }
}
