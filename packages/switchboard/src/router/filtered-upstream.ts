/** An upstream seen through a view: what the view does not permit is in no list, and cannot be reached by its name. */
import { SwitchboardError } from '../protocol/errors.ts';
import { isObject, textOf } from '../protocol/jsonrpc.ts';
import type { JsonObject, RpcNotification } from '../protocol/jsonrpc.ts';
import type { ParamHeader } from '../protocol/param-headers.ts';
import type {
  Audience,
  Caller,
  Exchange,
  Member,
  Opening,
  Outcome,
  Question,
  Scope,
  Slot,
  Upstream,
} from './exchange.ts';
import { readResourceUri } from './resource-uri.ts';
import { SubExchange } from './sub-exchange.ts';
import { LISTS, pageThrough, targetOf, unknownName } from './view.ts';
import type { Target, View, ViewOf } from './view.ts';

/** What a modern server says how long, and for whom, may be kept; lists are seen to where they are cut. */
const CACHED: ReadonlySet<string> = new Set(['server/discover', 'resources/read', 'skills/get']);

export class FilteredUpstream implements Upstream {
  readonly name: string;
  readonly serves: (scope: Pick<Scope, 'roles'>) => boolean;
  readonly #upstream: Upstream;
  readonly #viewOf: ViewOf;
  /** One for each slot and view, so that who holds a slot finds it again. */
  readonly #slots: WeakMap<Slot, WeakMap<View, FilteredSlot>> = new WeakMap();

  /** @param serves whether it is there at all for who asks. @default for everybody */
  constructor(upstream: Upstream, viewOf: ViewOf, serves: (scope: Pick<Scope, 'roles'>) => boolean = () => true) {
    this.name = upstream.name;
    this.#upstream = upstream;
    this.#viewOf = viewOf;
    this.serves = serves;
  }

  get callerHeaders(): readonly string[] {
    return this.#upstream.callerHeaders;
  }

  get isMovable(): boolean {
    return this.#upstream.isMovable;
  }

  get hasHomes(): boolean {
    return this.#upstream.hasHomes;
  }

  slot(scope: Scope, interactive?: boolean): Slot {
    if (!this.serves(scope)) {
      throw new SwitchboardError('SWB_UPSTREAM_NOT_FOUND', { detail: JSON.stringify(this.name) });
    }
    const view = this.#viewOf(scope);
    const slot = this.#upstream.slot(scope, interactive);
    const views = this.#slots.get(slot) ?? new WeakMap<View, FilteredSlot>();
    this.#slots.set(slot, views);
    const filtered = views.get(view) ?? new FilteredSlot(slot, view);
    views.set(view, filtered);
    return filtered;
  }
}

class FilteredSlot implements Slot {
  readonly upstream: string;
  readonly audience: Audience;
  readonly leased: boolean;
  readonly #slot: Slot;
  readonly #view: View;
  readonly #members: WeakMap<Member, FilteredMember> = new WeakMap();
  readonly #callers: WeakMap<Caller, FilteredCaller> = new WeakMap();

  constructor(slot: Slot, view: View) {
    this.upstream = slot.upstream;
    this.audience = slot.audience;
    this.leased = slot.leased;
    this.#slot = slot;
    this.#view = view;
  }

  member(request?: Pick<Opening, 'method' | 'params'>): Member | Promise<Member> {
    const member = this.#slot.member(request);
    return member instanceof Promise ? member.then((ready) => this.#filtered(ready)) : this.#filtered(member);
  }

  join(caller: Caller): void {
    const filtered = new FilteredCaller(caller, this.#view);
    this.#callers.set(caller, filtered);
    this.#slot.join(filtered);
  }

  leave(caller: Caller): void {
    this.#slot.leave(this.#callers.get(caller) ?? caller);
  }

  retain(lease?: boolean): () => void {
    return this.#slot.retain(lease);
  }

  retire(): void {
    this.#slot.retire();
  }

  rest(reason: string): void {
    this.#slot.rest(reason);
  }

  close(): void {
    this.#slot.close();
  }

  #filtered(member: Member): FilteredMember {
    const filtered = this.#members.get(member) ?? new FilteredMember(member, this.#view);
    this.#members.set(member, filtered);
    return filtered;
  }
}

class FilteredMember implements Member {
  readonly era: Member['era'];
  readonly version: string;
  readonly handshakeResult: JsonObject;
  readonly #member: Member;
  readonly #view: View;
  /** The exchanges that the member knows under another form. */
  readonly #subs: WeakMap<Exchange, SubExchange> = new WeakMap();

  constructor(member: Member, view: View) {
    this.era = member.era;
    this.version = member.version;
    this.#member = member;
    this.#view = view;
    this.handshakeResult = this.#personal(member.handshakeResult);
  }

  get inFlight(): number {
    return this.#member.inFlight;
  }

  open(exchange: Exchange): void {
    const { method, params } = exchange;
    const target = targetOf(method, params);
    if (target !== undefined) {
      const { kind, name } = target;
      if (typeof name !== 'string' || (method !== 'resources/unsubscribe' && !this.#view.permits(kind, name))) {
        exchange.settle({ error: unknownName(target).toRpc() });
      } else if (kind === 'resources' && this.#view.rulesUris === true) {
        this.#pass(exchange, withUri(params, target.at, name));
      } else if (method === 'tools/call' && this.#view.onlyReadOnly?.(name) === true) {
        exchange.run(() => this.#openIfReadOnly(exchange, target, name));
      } else this.#pass(exchange);
    } else if (method === 'subscriptions/listen') {
      this.#openSub(exchange, new SubExchange(exchange, { params: this.#narrowed(params) }));
    } else {
      this.#pass(exchange);
    }
  }

  cancel(exchange: Exchange, reason?: string): void {
    this.#member.cancel(this.#subs.get(exchange) ?? exchange, reason);
  }

  paramHeaders(tool: string): readonly ParamHeader[] | Promise<readonly ParamHeader[]> {
    return this.#view.permits('tools', tool) ? this.#member.paramHeaders(tool) : [];
  }

  isReadOnly(tool: string): boolean | Promise<boolean> {
    return this.#view.permits('tools', tool) && this.#member.isReadOnly(tool);
  }

  async handshakeResultFor(scope: Scope): Promise<JsonObject> {
    return this.#personal(await this.#member.handshakeResultFor(scope));
  }

  notify(notification: RpcNotification): void {
    this.#member.notify(notification);
  }

  join(caller: Caller): void {
    this.#member.join(caller);
  }

  leave(caller: Caller): void {
    this.#member.leave(caller);
  }

  close(): void {
    this.#member.close();
  }

  #personal(handshakeResult: JsonObject): JsonObject {
    return this.#view.personal && 'cacheScope' in handshakeResult
      ? { ...handshakeResult, cacheScope: 'private' }
      : handshakeResult;
  }

  /** Hands an exchange on; what is not permitted is in no list, and what only some may see must not be kept for all. */
  #pass(exchange: Exchange, params: JsonObject | undefined = exchange.params): void {
    if (LISTS.has(exchange.method)) {
      const settle = (outcome: Outcome): void => {
        if ('error' in outcome) exchange.settle(outcome);
        else exchange.settle({ result: pageThrough(this.#view, exchange.method, outcome.result) });
      };
      this.#openSub(exchange, new SubExchange(exchange, { params, settle }));
      return;
    }
    if (!this.#view.personal || exchange.scope.era !== 'modern' || !CACHED.has(exchange.method)) {
      if (params === exchange.params) this.#member.open(exchange);
      else this.#openSub(exchange, new SubExchange(exchange, { params }));
      return;
    }
    const settle = (outcome: Outcome): void => {
      const isPublic = 'result' in outcome && 'cacheScope' in outcome.result;
      exchange.settle(isPublic ? { result: { ...outcome.result, cacheScope: 'private' } } : outcome);
    };
    this.#openSub(exchange, new SubExchange(exchange, { params, settle }));
  }

  async #openIfReadOnly(exchange: Exchange, target: Target, tool: string): Promise<void> {
    const may = await this.#member.isReadOnly(tool);
    if (exchange.settled) return;
    if (may) this.#pass(exchange);
    else exchange.settle({ error: unknownName(target).toRpc() });
  }

  #openSub(exchange: Exchange, sub: SubExchange): void {
    this.#subs.set(exchange, sub);
    this.#member.open(sub);
  }

  /** A listen's params without the resources that are not permitted. */
  #narrowed(params: JsonObject | undefined): JsonObject | undefined {
    const filter = params?.['notifications'];
    if (!isObject(filter) || !Array.isArray(filter['resourceSubscriptions'])) return params;
    const uris = filter['resourceSubscriptions'].filter(
      (uri): uri is string => typeof uri === 'string' && this.#view.permits('resources', uri),
    );
    const resourceSubscriptions = this.#view.rulesUris === true ? uris.map(canonicalOf) : uris;
    return { ...params, notifications: { ...filter, resourceSubscriptions } };
  }
}

const canonicalOf = (uri: string): string => readResourceUri(uri)?.canonical ?? uri;

/** The params with the URI as the rules judged it; the same ones where it is written so. */
function withUri(params: JsonObject | undefined, at: Target['at'], name: string): JsonObject | undefined {
  const uri = canonicalOf(name);
  if (uri === name) return params;
  const ref = params?.['ref'];
  return at === 'ref' ? { ...params, ref: { ...(isObject(ref) && ref), uri } } : { ...params, uri };
}

/** A caller who is not told of resources that it cannot see; a server may tell the only session that it has of any. */
class FilteredCaller implements Caller {
  readonly #caller: Caller;
  readonly #view: View;

  constructor(caller: Caller, view: View) {
    this.#caller = caller;
    this.#view = view;
  }

  get scope(): Scope {
    return this.#caller.scope;
  }

  notify(notification: RpcNotification): void {
    const { method, params } = notification;
    if (method === 'notifications/resources/updated' && !this.#view.permits('resources', textOf(params?.['uri'])))
      return;
    this.#caller.notify(notification);
  }

  ask(question: Question, signal: AbortSignal): Promise<Outcome> {
    return this.#caller.ask(question, signal);
  }

  end(): void {
    this.#caller.end?.();
  }
}
