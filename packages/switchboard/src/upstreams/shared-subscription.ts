/**
 * What legacy sessions hear from a modern server: one `subscriptions/listen` for all of them, replaced by a larger or smaller one when
 * what they watch changes. A resource is asked for on a listen of its own first, and joins the common one when the server has agreed: one
 * that the server refuses, or never answers about, keeps nobody else waiting.
 */
import { SwitchboardError } from '../protocol/errors.ts';
import { META, metaOf } from '../protocol/eras.ts';
import { isObject } from '../protocol/jsonrpc.ts';
import type { JsonObject, RpcNotification } from '../protocol/jsonrpc.ts';
import { omit } from '../util/omit.ts';
import type { Outcome } from '../router/exchange.ts';
import type { RpcPeer } from './rpc-peer.ts';

const ACKNOWLEDGE_TIMEOUT_MS = 30_000;
const DONE: Outcome = { result: {} };

export interface SharedSubscriptionOptions {
  peer: RpcPeer;
  /** The server's capabilities: it is asked only for what it can tell. */
  capabilities: JsonObject;
  /** The envelope's `_meta`. */
  meta: JsonObject;
  /** The resources that somebody watches now, or is about to. */
  watched(): Iterable<string>;
  /** Told every change, without the tag of the listen that brought it. */
  deliver(note: RpcNotification): void;
}

export class SharedSubscription {
  readonly #options: SharedSubscriptionOptions;
  /** The common listen, and the resources that it names. */
  #current: { id: number; uris: readonly string[] } | undefined;
  /** The listens of single resources that have not joined it yet. */
  readonly #single: Map<string, number> = new Map();
  #started = false;
  #joining = false;
  #isStale = false;
  #closed = false;

  constructor(options: SharedSubscriptionOptions) {
    this.#options = options;
  }

  get started(): boolean {
    return this.#started;
  }

  /** Nothing more is delivered. */
  close(): void {
    this.#closed = true;
    for (const id of [this.#current?.id, ...this.#single.values()]) this.#stopListening(id);
    this.#current = undefined;
    this.#single.clear();
  }

  /** Listens for changes of the lists, and for those of resources no longer than somebody watches them. */
  update(): void {
    this.#started = true;
    this.#joinSoon();
  }

  /**
   * Listens for the changes of a resource. Never rejects; the outcome is an error when the server does not take it.
   */
  async watch(uri: string): Promise<Outcome> {
    this.#started = true;
    if (this.#closed) return DONE;
    const outcome = await this.#open({}, [uri], (id) => {
      this.#stopListening(this.#single.get(uri));
      this.#single.set(uri, id);
    });
    if ('result' in outcome) this.#joinSoon();
    return outcome;
  }

  /** Takes up everything that is watched, at a server that was just started. Never rejects. */
  async restore(): Promise<void> {
    this.#started = true;
    const uris = [...this.#options.watched()];
    if (await this.#replace(uris)) return;
    // One of them is not there any more: the others are asked for one by one.
    await Promise.all(uris.map((uri) => this.watch(uri)));
    this.#joinSoon();
  }

  #joinSoon(): void {
    this.#options.peer.own('subscriptions/listen', () => this.#join());
  }

  /** Has everything that the server agreed to on the common listen. One at a time; what changes meanwhile follows. */
  async #join(): Promise<void> {
    if (this.#joining) {
      this.#isStale = true;
      return;
    }
    this.#joining = true;
    try {
      await this.#joinAll();
    } finally {
      this.#joining = false;
    }
  }

  async #joinAll(): Promise<void> {
    do {
      this.#isStale = false;
      const watched = new Set(this.#options.watched());
      const agreed = new Set([...(this.#current?.uris ?? []), ...this.#single.keys()]);
      for (const [uri, id] of this.#single) if (!watched.has(uri)) this.#end(uri, id);
      await this.#replace([...agreed].filter((uri) => watched.has(uri)));
    } while (this.#isStale && !this.#closed);
  }

  /** @returns whether the common listen names these resources now; where it cannot be had the former one stays. */
  async #replace(uris: readonly string[]): Promise<boolean> {
    if (this.#closed) return true;
    const { capabilities } = this.#options;
    const wants = (kind: string): boolean => isObject(capabilities[kind]) && capabilities[kind]['listChanged'] === true;
    const lists: JsonObject = {
      ...(wants('tools') && { toolsListChanged: true }),
      ...(wants('prompts') && { promptsListChanged: true }),
      ...(wants('resources') && { resourcesListChanged: true }),
    };
    const former = this.#current;
    if (Object.keys(lists).length === 0 && uris.length === 0) {
      this.#current = undefined;
      this.#stopListening(former?.id);
      return true;
    }
    const outcome = await this.#open(lists, uris, (id) => {
      this.#stopListening(this.#current?.id);
      this.#current = { id, uris };
      for (const uri of uris) {
        const single = this.#single.get(uri);
        if (single !== undefined) this.#end(uri, single);
      }
    });
    return 'result' in outcome;
  }

  /** @param agreed called when the server has agreed, before anything that it says next: then nothing is told twice, or not at all. */
  async #open(lists: JsonObject, uris: readonly string[], agreed: (id: number) => void): Promise<Outcome> {
    const { peer, meta, deliver } = this.#options;
    const notifications = { ...lists, ...(uris.length > 0 && { resourceSubscriptions: [...uris] }) };
    let id: number | undefined;
    const outcome = await new Promise<Outcome>((resolve) => {
      const timer = setTimeout(() => {
        const detail = `subscriptions/listen after ${ACKNOWLEDGE_TIMEOUT_MS} ms`;
        resolve({ error: new SwitchboardError('SWB_TIMEOUT', { detail }).toRpc() });
      }, ACKNOWLEDGE_TIMEOUT_MS);
      id = peer.listen(
        'subscriptions/listen',
        { notifications, _meta: meta },
        {
          notify: (note) => {
            if (note.method !== 'notifications/subscriptions/acknowledged') {
              deliver(untagged(note));
              return;
            }
            clearTimeout(timer);
            const checked = checkAcknowledged(note, uris);
            if ('result' in checked && id !== undefined && !this.#closed) agreed(id);
            resolve(checked);
          },
          settle: (ended) => {
            clearTimeout(timer);
            if (this.#current?.id === id) this.#current = undefined;
            for (const [uri, single] of this.#single) if (single === id) this.#single.delete(uri);
            resolve('error' in ended ? ended : DONE);
          },
        },
      );
    });
    if ('error' in outcome || this.#closed) this.#stopListening(id);
    return outcome;
  }

  #end(uri: string, id: number): void {
    this.#single.delete(uri);
    this.#stopListening(id);
  }

  #stopListening(id: number | undefined): void {
    if (id !== undefined) this.#options.peer.stopListening(id);
  }
}

function checkAcknowledged({ params }: RpcNotification, uris: readonly string[]): Outcome {
  const honored = isObject(params?.['notifications']) ? params['notifications']['resourceSubscriptions'] : undefined;
  const taken = new Set<unknown>(Array.isArray(honored) ? honored : []);
  const refused = uris.filter((uri) => !taken.has(uri));
  if (refused.length === 0) return DONE;
  const detail = `the server does not tell of changes of ${refused.join(', ')}`;
  return { error: new SwitchboardError('SWB_INVALID_PARAMS', { detail }).toRpc() };
}

function untagged({ jsonrpc, method, params }: RpcNotification): RpcNotification {
  const meta = omit(metaOf(params) ?? {}, META.subscriptionId);
  const rest = omit(params ?? {}, '_meta');
  const kept = Object.keys(meta).length > 0 ? { ...rest, _meta: meta } : rest;
  return Object.keys(kept).length > 0 ? { jsonrpc, method, params: kept } : { jsonrpc, method };
}
