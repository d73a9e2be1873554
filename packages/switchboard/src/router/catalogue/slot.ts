/** A slot of the catalogue: one slot of each upstream, found when it is needed. */
import { INTERACTIVE } from '../../protocol/eras.ts';
import { SwitchboardError, asSwitchboardError } from '../../protocol/errors.ts';
import { isObject, notification } from '../../protocol/jsonrpc.ts';
import type { JsonObject, RpcNotification } from '../../protocol/jsonrpc.ts';
import { addEnvelope, capabilitiesOf } from '../../protocol/translate.ts';
import { backoffMs } from '../../util/backoff.ts';
import { once } from '../../util/once.ts';
import { owned } from '../../util/owned.ts';
import { CallerAudience } from '../audience.ts';
import { CATALOGUE } from '../exchange.ts';
import type { Audience, Caller, Exchange, Member, Opening, Outcome, Reached, Scope, Slot } from '../exchange.ts';
import { SubExchange } from '../sub-exchange.ts';
import { targetOf } from '../view.ts';
import type { CatalogueContext } from './context.ts';
import { initializeResult, legacyHandshakeResult } from './handshake-result.ts';
import { isLink } from './links.ts';
import type { LinkPlace } from './links.ts';
import { CatalogueMember } from './member.ts';
import { OutwardCaller } from './outward.ts';
import type { Reach } from './reach.ts';

const INITIALIZED = 'notifications/initialized';

/** Where a part of an exchange is served. */
interface Place {
  sub: SubExchange;
  slot: Slot;
  member?: Member;
}

export class CatalogueSlot implements Slot, Reach {
  readonly upstream: string;
  readonly audience: Audience = new CallerAudience(true);
  readonly leased: boolean = false;
  readonly catalogue: CatalogueContext;
  readonly scope: Scope;
  readonly #onEmpty: () => void;
  readonly #member: CatalogueMember;
  /** Done when a legacy session knows what it was told of the upstreams at its start. */
  #negotiating: Promise<Member> | undefined;
  #isNegotiated = false;
  #retainers = 0;
  /** The upstreams' slots that a legacy session has joined. */
  readonly #joined: Map<string, Slot> = new Map();
  /** The upstreams' slots that last as long as this one, and what lets each go. */
  readonly #kept: Map<Slot, () => void> = new Map();
  /** The callers as each of those knows them. */
  readonly #outwards: WeakMap<Slot, WeakMap<Caller, Caller>> = new WeakMap();
  /** What lets this one go, for each caller that joined. */
  readonly #keptBy: Map<Caller, () => void> = new Map();
  readonly #places: WeakMap<Exchange, Set<Place>> = new WeakMap();
  /** The upstreams that a legacy session waits for. */
  readonly #awaited: Set<string> = new Set();
  /** Whether the session has said that it is initialized, and the upstreams that heard it. */
  #announced = false;
  readonly #told: WeakSet<Slot> = new WeakSet();
  #closed = false;

  constructor(catalogue: CatalogueContext, scope: Scope, onEmpty: () => void) {
    this.upstream = CATALOGUE;
    this.catalogue = catalogue;
    this.scope = scope;
    this.#onEmpty = onEmpty;
    this.#member = new CatalogueMember(this);
  }

  /** The upstreams that are there for who asks, in their order. */
  get names(): readonly string[] {
    return [...this.catalogue.upstreams].flatMap(([name, upstream]) =>
      upstream.serves?.(this.scope) === false ? [] : [name],
    );
  }

  member(): Member | Promise<Member> {
    if (this.scope.era === 'modern' || this.#isNegotiated) return this.#member;
    this.#negotiating ??= this.#negotiate().finally(() => (this.#negotiating = undefined));
    return this.#negotiating;
  }

  /**
   * Where a link leads that a client shows. One that nobody has named yet since Switchboard started is looked for in the tools of all.
   * Nothing for any other URI, and for a link that no tool names.
   */
  async placeOf(uri: string, exchange: Exchange): Promise<LinkPlace | undefined> {
    if (!isLink(uri)) return undefined;
    const { links, apps } = this.catalogue;
    if (links.find(uri) === undefined) await apps.look(this, exchange);
    const place = links.find(uri);
    return place !== undefined && this.names.includes(place.upstream) ? place : undefined;
  }

  leadsTo({ method, params }: Pick<Opening, 'method' | 'params'>): Reached | undefined {
    const { names, links, taskIds } = this.catalogue;
    const { kind, name, at } = targetOf(method, params) ?? {};
    const task = method.startsWith('tasks/') ? taskIds.open(this.scope.principal, params?.['taskId']) : undefined;
    if (task !== undefined) return { upstream: task.upstream, params: { ...params, taskId: task.taskId } };
    if (typeof name !== 'string' || at === 'ref') return undefined;
    if (kind === 'resources') {
      const place = links.find(name);
      return place && { upstream: place.upstream, params: { ...params, uri: place.uri } };
    }
    const destination = names.find(name);
    return destination && { upstream: destination.upstream, params: { ...params, name: destination.name } };
  }

  join(caller: Caller): void {
    this.audience.join(caller);
    this.#keptBy.set(caller, this.retain());
    for (const name of this.names) {
      try {
        this.slotOf(name, this.scope);
      } catch (error) {
        this.catalogue.lost(name, (error as Error).message);
      }
    }
  }

  leave(caller: Caller): void {
    this.audience.leave(caller, () => {});
    for (const slot of this.#joined.values()) slot.leave(this.#outward(caller, slot));
    this.#keptBy.get(caller)?.();
    this.#keptBy.delete(caller);
  }

  retain(): () => void {
    this.#retainers++;
    return once(() => {
      if (--this.#retainers === 0) this.close();
    });
  }

  /** It is never leased, and its parts are retired one by one. */
  retire(): void {}

  rest(reason: string): void {
    for (const slot of this.#joined.values()) slot.rest(reason);
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    for (const letGo of this.#kept.values()) letGo();
    this.#kept.clear();
    this.#joined.clear();
    this.#onEmpty();
  }

  /**
   * The slot of an upstream for whoever asks. A session's is the one that it joined; a modern request's may be another each time.
   *
   * @throws {SwitchboardError} when the upstream has none to give.
   */
  slotOf(name: string, scope: Scope, interactive = false): Slot {
    const joined = this.#joined.get(name);
    if (joined !== undefined) return joined;
    const upstream = this.catalogue.upstreams.get(name);
    if (upstream === undefined) throw new SwitchboardError('SWB_UPSTREAM_NOT_FOUND', { detail: JSON.stringify(name) });
    const slot = upstream.slot(scope, interactive);
    if (scope.era === 'legacy') {
      this.#joined.set(name, slot);
      for (const caller of this.audience.callers) slot.join(this.#outward(caller, slot));
    } else if (scope.loose !== true && !this.#kept.has(slot)) {
      // One connection has the same one for all its requests, and keeps it between them.
      this.#kept.set(slot, slot.retain());
    }
    return slot;
  }

  /** The member of an upstream, if it can be had soon: where there was none the last time, it is not waited for. */
  async ready(name: string, scope: Scope): Promise<Member | undefined> {
    const { catalogue } = this;
    let slot: Slot | undefined;
    let reason = `it was not there within ${catalogue.patienceMs} ms`;
    try {
      slot = this.slotOf(name, scope);
      const found = slot.member();
      const member = found instanceof Promise ? await this.#soon(name, slot, found) : found;
      if (member !== undefined) {
        catalogue.found(name, slot, member);
        return member;
      }
    } catch (error) {
      reason = (error as Error).message;
    }
    catalogue.lost(name, reason, slot);
    if (scope.era === 'legacy')
      owned(
        () => this.#await(name),
        (error) => catalogue.failed(name, error),
      );
    return undefined;
  }

  /** The member of an upstream, however long it takes; nothing when it is no longer wanted. */
  async reach(name: string, scope: Scope, isOver: () => boolean): Promise<Member | undefined> {
    for (let failures = 1; !isOver(); failures++) {
      try {
        const slot = this.slotOf(name, scope);
        const member = await slot.member();
        this.catalogue.found(name, slot, member);
        return isOver() ? undefined : member;
      } catch (error) {
        if (!this.catalogue.upstreams.has(name)) return undefined;
        if (asSwitchboardError(error).code === 'SWB_SHUTTING_DOWN') return undefined;
        this.catalogue.lost(name, (error as Error).message);
        await new Promise((resolve) => setTimeout(resolve, backoffMs(failures)).unref());
      }
    }
    return undefined;
  }

  /** Hands a part of an exchange to an upstream, which settles it in the end. Never throws. */
  serve(name: string, sub: SubExchange): void {
    sub.run(() => {
      const interactive = INTERACTIVE.has(sub.method);
      const slot = this.slotOf(name, sub.scope, interactive);
      const place: Place = { sub, slot };
      const places = this.#places.get(sub.parent) ?? new Set<Place>();
      this.#places.set(sub.parent, places.add(place));
      if (sub.scope.era === 'modern') sub.onEnd(slot.retain(interactive));
      const open = (member: Member): void => {
        if (sub.settled) return;
        place.member = member;
        sub.times?.note('server');
        member.open(sub);
      };
      const run = (): void => {
        if (sub.settled) return;
        sub.run(() => {
          const member = slot.member(sub);
          return member instanceof Promise ? member.then(open) : open(member);
        });
      };
      sub.onReopen(run);
      if (sub.method === 'subscriptions/listen') run();
      else {
        const begin = (): void => {
          sub.times?.note('turn');
          run();
        };
        sub.onEnd(this.catalogue.limiter.take(name, sub.scope.account ?? sub.scope.affinity, begin));
      }
    });
  }

  /** Nobody wants the answer any more: of an exchange, or of one part of it. */
  cancel(exchange: Exchange, reason?: string, only?: SubExchange): void {
    for (const place of this.#places.get(exchange) ?? []) {
      const { sub, slot, member } = place;
      if (member === undefined || (only !== undefined && only !== sub)) continue;
      this.#places.get(exchange)?.delete(place);
      member.cancel(sub, reason);
      // Without its answer it may still ask something, and then it would seem to be about the next one.
      if (slot.leased && member.era === 'legacy' && INTERACTIVE.has(sub.method)) slot.retire();
    }
  }

  /** Forgets where a part was served that has ended. */
  forget(sub: SubExchange): void {
    const places = this.#places.get(sub.parent);
    for (const place of places ?? []) if (place.sub === sub) places?.delete(place);
  }

  /**
   * Asks an upstream on behalf of an exchange. Never rejects; without an answer in time the outcome is `SWB_TIMEOUT`, and the next one
   * hardly waits for that member.
   */
  ask(name: string, parent: Exchange, method: string, params: JsonObject): Promise<Outcome> {
    const { scope } = parent;
    const { version, capabilities, clientInfo } = scope;
    const envelope = { version, capabilities, ...(clientInfo !== undefined && { clientInfo }) };
    const { catalogue } = this;
    return new Promise((resolve) => {
      let isLate = false;
      const sub = new SubExchange(parent, {
        method,
        params: scope.era === 'modern' ? addEnvelope(params, envelope) : params,
        quiet: true,
        notify: () => {},
        settle: (outcome) => {
          const place = this.#placeOf(sub);
          if (place?.member !== undefined && !isLate) catalogue.answered(name, place.slot, place.member, method);
          resolve('result' in outcome ? { result: outcome.result } : outcome);
        },
      });
      this.serve(name, sub);
      const patienceMs = catalogue.patienceFor(this.#placeOf(sub)?.member, method);
      const timer = setTimeout(() => {
        isLate = true;
        const member = this.#placeOf(sub)?.member;
        // A part that still waited for its turn says nothing of the member.
        if (member !== undefined) catalogue.late(member, method);
        this.cancel(parent, 'timed out', sub);
        const detail = `${method} went ${patienceMs} ms without an answer`;
        sub.settle({ error: new SwitchboardError('SWB_TIMEOUT', { detail }).toRpc() });
      }, patienceMs);
      sub.onEnd(() => {
        clearTimeout(timer);
        resolve({ error: new SwitchboardError('SWB_CLIENT_GONE').toRpc() });
        // What its end was is decided; a cancelled parent still needs to know where its parts are.
        if (!parent.settled) this.forget(sub);
      });
    });
  }

  #placeOf(sub: SubExchange): Place | undefined {
    return [...(this.#places.get(sub.parent) ?? [])].find((place) => place.sub === sub);
  }

  /** A session's notification reaches the upstreams that it has for itself. */
  notify(note: RpcNotification): void {
    if (note.method === INITIALIZED) this.#announced = true;
    for (const slot of this.#joined.values()) {
      if (!slot.audience.exclusive) continue;
      const found = slot.member();
      // It is told when it is there.
      if (found instanceof Promise) found.catch(() => {});
      else if (note.method === INITIALIZED) this.#announce(slot, found);
      else found.notify(note);
    }
  }

  async #negotiate(): Promise<Member> {
    const { names, scope, catalogue } = this;
    const found = await Promise.all(
      names.map(async (name) => {
        const member = await this.ready(name, scope);
        return member === undefined
          ? []
          : [{ name, result: await legacyHandshakeResult(member, scope, this.#isExclusive(name)) }];
      }),
    );
    const parts = found.flat();
    if (parts.length === 0) {
      const detail = `none of ${names.join(', ')} can be had; the log tells why, and so does /mcp/<name>`;
      throw new SwitchboardError('SWB_UPSTREAM_UNAVAILABLE', { detail });
    }
    this.#isNegotiated = true;
    const incomplete = parts.length < names.length;
    this.#member.handshakeResult = initializeResult(scope.version, parts, incomplete, catalogue.serverInfo);
    return this.#member;
  }

  /** The caller as an upstream knows it. */
  #outward(caller: Caller, slot: Slot): Caller {
    const callers = this.#outwards.get(slot) ?? new WeakMap<Caller, Caller>();
    const outward = callers.get(caller) ?? new OutwardCaller(caller, this.catalogue, slot.upstream);
    this.#outwards.set(slot, callers.set(caller, outward));
    return outward;
  }

  #isExclusive(name: string): boolean {
    return this.#joined.get(name)?.audience.exclusive === true;
  }

  #announce(slot: Slot, member: Member): void {
    if (!this.#announced || !slot.audience.exclusive || this.#told.has(slot)) return;
    this.#told.add(slot);
    member.notify(notification(INITIALIZED));
  }

  async #soon(name: string, slot: Slot, found: Promise<Member>): Promise<Member | undefined> {
    const waitMs = this.catalogue.isTroubled(slot) ? 0 : this.catalogue.patienceMs;
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<undefined>((resolve) => (timer = setTimeout(() => resolve(undefined), waitMs)));
    try {
      return await Promise.race([found, late]);
    } finally {
      clearTimeout(timer);
      // When it comes after all, somebody else may be the first to notice.
      found.then(
        (member) => this.catalogue.found(name, slot, member),
        () => {},
      );
    }
  }

  /** Waits for an upstream that a legacy session does without, and tells the session when its lists are there. */
  async #await(name: string): Promise<void> {
    if (this.#awaited.has(name)) return;
    this.#awaited.add(name);
    const member = await this.reach(name, this.scope, () => this.audience.callers.size === 0);
    this.#awaited.delete(name);
    const slot = this.#joined.get(name);
    if (member === undefined || slot === undefined) return;
    this.#announce(slot, member);
    const capabilities = capabilitiesOf(member.handshakeResult);
    for (const kind of ['tools', 'prompts', 'resources']) {
      if (!isObject(capabilities[kind])) continue;
      for (const caller of this.audience.callers) caller.notify(notification(`notifications/${kind}/list_changed`));
    }
  }
}
