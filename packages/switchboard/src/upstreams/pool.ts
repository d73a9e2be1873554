/** An upstream as configured, with the slots that share it and their members. */
import type { Emit } from '../observe/events.ts';
import type { Era } from '../protocol/eras.ts';
import { SwitchboardError, asSwitchboardError } from '../protocol/errors.ts';
import type { JsonObject } from '../protocol/jsonrpc.ts';
import { crossing } from '../protocol/translate.ts';
import type { Audience, Scope, Slot, Upstream } from '../router/exchange.ts';
import { once } from '../util/once.ts';
import { owned } from '../util/owned.ts';
import { Breaker } from './breaker.ts';
import type { Failing } from './breaker.ts';
import { Demand } from './demand.ts';
import type { CredentialTemplate, Credentials } from './credentials.ts';
import { legacyVersionFor } from './handshake.ts';
import type { ClientIdentity } from './handshake.ts';
import { LegacyMember } from './legacy.ts';
import type { LegacyMemberOptions } from './legacy.ts';
import { isRefusal } from '../transports/failure.ts';
import type { LiveMember, LiveMemberOptions } from './live-member.ts';
import type { HealthLimits } from './member-health.ts';
import { memberKey } from './member-key.ts';
import type { Isolation } from './member-key.ts';
import { ModernMember } from './modern.ts';
import type { ModernMemberOptions } from './modern.ts';
import { isNotFoundOut } from './placement.ts';
import type { Loan, Place, Placement } from './placement.ts';
import { isStopped, readProcessTree } from './process-tree.ts';
import type { ProcessTree } from './process-tree.ts';
import type { MemberFacts, Replica } from './replica.ts';
import { MemberSlot } from './slot.ts';
import { Launcher } from './launcher.ts';
import type { LaunchResult, LauncherOptions } from './launcher.ts';
import { checkServer, listTools } from './server-check.ts';
import type { CheckResult, VisitedServer } from './server-check.ts';
import type { SelfDescription } from './self-description.ts';
import { Stickiness } from './stickiness.ts';
import { Tasks } from './tasks.ts';

export interface PoolOptions extends Omit<LauncherOptions, 'onAnswered' | 'wanted' | 'onStarted' | 'onSpareFailed'> {
  /** How many are started ahead of need; `auto` goes by the demand of the last minute, where a session starts a member. */
  warm: number | 'auto';
  isolation: Isolation;
  /** How many members `pool` isolation has. */
  members: number;
  /** At most so many members at a time. */
  maxMembers: number;
  /** How long a member without anybody is kept, in ms; a `session` member of a legacy session ends with it, a `shared` one stays. */
  lingerMs: number;
  /** When members are tried and replaced; how long the replaced may take is `busyTimeoutMs`. */
  limits: HealthLimits;
  /** So many failures within the window, and nothing is started for a pause, which doubles. */
  crashes: { limit: number; windowMs: number; pauseMs: number };
  /** The places for values that callers bring. */
  template: CredentialTemplate;
  /** How Switchboard names itself to servers that several clients share. */
  clientInfo: JsonObject;
  /** Whether its members are at an address, which may be that of another Switchboard. @default false */
  isRemote?: boolean;
  newAudience(exclusive: boolean): Audience;
  /** Whether several nodes are one for its clients, see {@link Upstream.hasHomes}; with isolation `session` it counts. @default false */
  isTogether?: boolean;
  /** Where its members are, which other nodes have a part in. @default at this node, which has them for itself */
  placement?: Placement | undefined;
  emit: Emit;
}

/** How often members are looked after, at the most and at the least. */
const TICK_MS = { least: 25, most: 1000 };
/** How often memory is measured where it is limited. */
const MEASURE_MS = 2000;
/** How often that of spares is. */
const SPARES_MEASURE_MS = 10_000;
/** No process is taken to need less memory than this. */
const LEAST_BYTES = 16 * 1024 * 1024;
/** So many members of so much memory together are worth a word about sharing. */
const ADVISED_MEMBERS = 4;
const ADVISED_BYTES = 100 * 1024 * 1024;
/** For how many sets of values of callers it is known that they fail. */
const MAX_BREAKERS = 1000;
/** The capabilities of nobody in particular. */
const NOTHING: Readonly<Record<Era, JsonObject>> = { legacy: {}, modern: {} };

/** A modern client cannot tell that its roots have changed (MCP 2026-07-28, Changelog). */
function withoutRootsChanges(capabilities: JsonObject): JsonObject {
  return Object.hasOwn(capabilities, 'roots') ? { ...capabilities, roots: {} } : capabilities;
}

export class Pool implements Upstream {
  readonly name: string;
  readonly #options: PoolOptions;
  readonly #launcher: Launcher;
  readonly #slots: Map<string, MemberSlot> = new Map();
  /** By the digest of the callers' values: one who brings a wrong key must not shut out the others. */
  readonly #breakers: Map<string, Breaker> = new Map();
  readonly #places: WeakMap<Replica, Place> = new WeakMap();
  readonly #clock: NodeJS.Timeout;
  readonly #demand: Demand = new Demand();
  #measuredAt = 0;
  #hasAdvised = false;
  /** How many parts other nodes have in its members. */
  #loans = 0;
  #onReturned: (() => void) | undefined;
  /** Another pool has its name now. */
  #recalled = false;
  #closed = false;

  constructor(options: PoolOptions) {
    this.name = options.name;
    this.#options = options;
    this.#launcher = new Launcher({
      ...options,
      wanted: () => this.#wantedSpares,
      onStarted: (ms) => this.#demand.started(ms),
      onSpareFailed: () => this.#breaker(undefined).doubt(),
      onAnswered: () => {
        // A server that works for one client may still end for another; only where nobody shares does work disprove a loop.
        if (this.#isExclusive) for (const breaker of this.#breakers.values()) breaker.forgive();
      },
    });
    const { livenessIntervalMs = Infinity, maxAgeMs = Infinity, idleMs = Infinity } = options.limits;
    const shortest = Math.min(livenessIntervalMs, maxAgeMs, idleMs) / 4;
    this.#clock = setInterval(
      () => this.#own('clock', () => this.#tick()),
      Math.min(TICK_MS.most, Math.max(TICK_MS.least, shortest)),
    ).unref();
  }

  get isolation(): Isolation {
    return this.#options.isolation;
  }

  get callerHeaders(): readonly string[] {
    return this.#options.template.headers;
  }

  get isMovable(): boolean {
    const { isolation, isRemote = false } = this.#options;
    return isRemote || isolation === 'shared' || isolation === 'pool';
  }

  get hasHomes(): boolean {
    return this.#isExclusive && this.#options.isTogether === true;
  }

  /** How many members there are, and slots to have one. */
  get size(): { slots: number; members: number; running: number } {
    const members = this.#replicas.filter(({ member }) => member !== undefined).length;
    return { slots: this.#slots.size, members, running: this.#launcher.running };
  }

  /** Whether it serves who comes without starting anything: a member that all share is there. */
  get isAtHand(): boolean {
    const { isolation } = this.#options;
    return (isolation === 'shared' || isolation === 'pool') && this.size.members > 0;
  }

  /** `failing` where new clients are refused because it failed too often; `ready` when a member is there. */
  get state(): 'idle' | 'ready' | 'failing' {
    const { members } = this.size;
    const { isolation } = this.#options;
    const needsNew = members === 0 || isolation === 'session' || isolation === 'principal';
    if (this.failing !== undefined && needsNew) return 'failing';
    return members > 0 ? 'ready' : 'idle';
  }

  /** Since when it fails, why, and when it is tried next. Not known of servers that every caller brings a value for. */
  get failing(): Failing | undefined {
    return this.#options.template.isEmpty ? this.#breakers.get('')?.failing : undefined;
  }

  /** What its server says of itself; undefined before one was started. */
  get said(): SelfDescription | undefined {
    return this.#launcher.said;
  }

  /** Every member, with what its processes use where the system tells. Never rejects. */
  async members(): Promise<MemberFacts[]> {
    return this.membersWith(await readProcessTree());
  }

  /** The same with what processes use as a tree tells that was read before. */
  membersWith(tree: ProcessTree): MemberFacts[] {
    return [...this.#slots.values()].flatMap((slot) => {
      const failing = this.#breaker(slot.credentials).failing !== undefined;
      return slot.replicas
        .flatMap((replica) => replica.facts(slot.key, failing))
        .map((facts) => ({
          ...facts,
          ...(facts.lastReason !== undefined && { lastReason: slot.mask(facts.lastReason) }),
          ...(facts.pid === undefined ? {} : tree.usage(facts.pid)),
        }));
    });
  }

  /**
   * Replaces every member: shared ones by others that are started first, those of one client between two of its requests.
   * Resolves when the others are there; those that are replaced may have something to finish.
   */
  async restart(reason = 'a restart was asked for'): Promise<void> {
    this.#launcher.renewSpares();
    await Promise.all(this.#replicas.map((replica) => replica.renew(reason)));
  }

  /**
   * Starts it, does the handshake and lists what it has, once: on the member that all share, or on one of its own that is ended afterwards.
   *
   * @throws {SwitchboardError} what is wrong with it; `SWB_CREDENTIAL_MISSING` where only callers can start it.
   */
  check(): Promise<CheckResult> {
    const startedAt = performance.now();
    return this.#visit((server) => checkServer(server, startedAt));
  }

  /**
   * Its tools as it defines them, which nobody may see as such: roles and rules may hide some. On a member as for {@link check}.
   *
   * @throws {SwitchboardError} what is wrong with it
   */
  tools(): Promise<JsonObject[]> {
    return this.#visit(listTools);
  }

  /** Works with the member that all share, or with one of its own that is ended afterwards. */
  async #visit<Found>(work: (server: VisitedServer) => Promise<Found>): Promise<Found> {
    const scope: Scope = {
      era: 'legacy',
      version: '',
      capabilities: {},
      principal: '',
      affinity: 'check',
      transport: 'memory',
    };
    const { isolation, template, clientInfo } = this.#options;
    template.read(this.name, scope);
    if (isolation === 'shared' || isolation === 'pool') {
      const { peer, era, handshakeResult } = await this.#slotFor(scope, false).member();
      return work({ peer, era, handshakeResult, clientInfo });
    }
    this.#breaker(undefined).admit();
    const { peer, handshake } = await this.#try();
    try {
      return await work({ peer, era: handshake.era, handshakeResult: handshake.result, clientInfo });
    } finally {
      peer.channel.close();
    }
  }

  slot(scope: Scope, interactive = false): Slot {
    return this.#slotFor(scope, interactive);
  }

  /** Takes back what other nodes have a part in, and starts no more to try it; resolves when they have finished what they had begun. */
  async recall(): Promise<void> {
    this.#recalled = true;
    for (const breaker of this.#breakers.values()) breaker.close();
    for (const replica of this.#replicas) this.#release(replica);
    if (this.#loans > 0) await new Promise<void>((resolve) => (this.#onReturned = resolve));
  }

  /** Ends every member; resolves when the last process is gone. */
  async close(): Promise<void> {
    this.#closed = true;
    clearInterval(this.#clock);
    for (const breaker of this.#breakers.values()) breaker.close();
    for (const slot of this.#slots.values()) slot.close();
    await this.#launcher.close();
  }

  get #isExclusive(): boolean {
    return this.#options.isolation === 'session';
  }

  get #replicas(): Replica[] {
    return [...this.#slots.values()].flatMap(({ replicas }) => replicas);
  }

  #slotFor(scope: Scope, interactive: boolean): MemberSlot {
    const { isolation, lingerMs, maxMembers, template, placement } = this.#options;
    const credentials = template.read(this.name, scope);
    // Strangers behind one address must not be taken for one client: each request has a legacy server for itself while it runs.
    const leased =
      isolation === 'session' &&
      scope.loose === true &&
      scope.principal === 'anonymous' &&
      !this.#launcher.speaksModern;
    // By their number, so that callers choose among few, and every round of a loop that others close is one more.
    const via = this.#options.isRemote === true ? (scope.credentials?.via ?? []) : [];
    const apart = credentials === undefined ? '' : ` with ${credentials.digest}`;
    const ownKey = memberKey(isolation, scope) + apart + (via.length === 0 ? '' : ` via ${via.length}`);
    let key = ownKey;
    for (let n = 1; ; n++) {
      const known = this.#slots.get(key);
      if (known === undefined) break;
      if (!known.retired && (!leased || !interactive || known.isFree)) return known;
      key = `${ownKey} #${n}`;
    }
    if (this.#closed) throw new SwitchboardError('SWB_SHUTTING_DOWN');
    const replicas = isolation === 'pool' ? this.#options.members : 1;
    while (this.#replicas.length + replicas > maxMembers && this.#evictIdle());
    if (this.#replicas.length + replicas > maxMembers) {
      const detail = `upstream ${this.name} has ${maxMembers} members, the limit; close sessions or raise maxMembers`;
      throw new SwitchboardError('SWB_OVERLOADED', { detail });
    }
    const exclusive = this.#isExclusive;
    const forAll = isolation === 'shared' || isolation === 'pool';
    const tasks = forAll ? new Tasks() : undefined;
    const slot = new MemberSlot({
      upstream: this.name,
      key,
      leased,
      audience: this.#options.newAudience(exclusive),
      clientIdentity: this.#clientIdentity(scope, exclusive),
      era: scope.era,
      credentials,
      context: exclusive && scope.loose !== true ? scope.context : undefined,
      via,
      // One that is for certain callers only is kept as long as they may come back.
      lingerMs:
        forAll && credentials === undefined && via.length === 0
          ? Infinity
          : exclusive && scope.loose !== true
            ? 0
            : lingerMs,
      replicas,
      stickiness: tasks !== undefined && replicas > 1 ? new Stickiness() : undefined,
      tasks,
      drainMs: this.#options.limits.busyTimeoutMs,
      newAudience: () => this.#options.newAudience(exclusive),
      admit: () => this.#breaker(credentials).admit(),
      own: (where, work) => this.#own(where, work),
      isFailing: () => this.#breaker(credentials).failing !== undefined,
      onRetire: (reason) => this.#options.emit({ type: 'member.retired', upstream: this.name, slot: key, reason }),
      ...(placement !== undefined && { settled: () => placement.settled() }),
      open: (...args) => this.#open(...args),
      onEmpty: (which) => {
        this.#slots.delete(which.key);
        for (const replica of which.replicas) this.#release(replica);
      },
    });
    this.#slots.set(key, slot);
    return slot;
  }

  /** The place of a replica among all nodes. */
  #placeOf(slot: MemberSlot, replica: Replica): Place {
    const known = this.#places.get(replica);
    if (known !== undefined) return known;
    const place: Place = {
      slot: slot.key,
      replica: slot.replicas.indexOf(replica),
      lend: () => this.#lend(slot, replica),
      giveUp: (reason) => replica.giveUp(reason),
    };
    this.#places.set(replica, place);
    return place;
  }

  #release(replica: Replica): void {
    const place = this.#places.get(replica);
    if (place !== undefined) this.#options.placement?.release(place);
  }

  /** The slot is kept while another node has a part in its member. */
  async #lend(slot: MemberSlot, replica: Replica): Promise<Loan> {
    const letGo = slot.retain();
    this.#loans++;
    const end = once(() => {
      letGo();
      if (--this.#loans === 0) this.#onReturned?.();
    });
    try {
      return { slot, member: await replica.take(), servesSessions: replica === slot.replicas[0], end };
    } catch (error) {
      end();
      throw error;
    }
  }

  /** What nobody uses makes room for who needs it. @returns whether anything did. */
  #evictIdle(): boolean {
    const idle = [...this.#slots.values()].find((slot) => slot.isIdle);
    idle?.close();
    return idle !== undefined;
  }

  /** A server that many share is told `capabilities: {}`, so that it asks no question that could not be attributed. */
  #clientIdentity(scope: Scope, exclusive: boolean): ClientIdentity {
    if (!exclusive)
      return { version: legacyVersionFor(''), capabilities: NOTHING, clientInfo: this.#options.clientInfo };
    const { era, version, capabilities } = scope;
    const isModern = era === 'modern';
    return {
      version: isModern ? legacyVersionFor('') : version,
      capabilities: {
        legacy: isModern ? withoutRootsChanges(crossing(capabilities)) : capabilities,
        modern: isModern ? capabilities : crossing(capabilities),
      },
      clientInfo: scope.clientInfo ?? this.#options.clientInfo,
    };
  }

  async #open(
    slot: MemberSlot,
    replica: Replica,
    again: boolean,
    onGone: LiveMemberOptions['onGone'],
  ): Promise<LiveMember> {
    const { name, emit, clientInfo, placement } = this.#options;
    const startedAt = performance.now();
    let breaker: Breaker | undefined;
    try {
      const elsewhere = await placement?.find(this.#placeOf(slot, replica));
      if (elsewhere === undefined) {
        this.#demand.arrive();
        // What fails at another node is counted there.
        breaker = this.#breaker(slot.credentials);
        // It may have ended meanwhile, and then has given back what it did not have yet.
        if (slot.closed) {
          this.#release(replica);
          throw new SwitchboardError('SWB_SHUTTING_DOWN');
        }
      }
      const { peer, handshake } = await this.#launcher.start({
        slot: slot.key,
        clientIdentity: slot.clientIdentity,
        announce: again || slot.era === 'modern' || !slot.audience.exclusive,
        eras: elsewhere === undefined ? erasFor(slot) : [elsewhere.era],
        credentials: slot.credentials,
        context: slot.context?.(),
        via: slot.via,
        channel: elsewhere?.channel,
      });
      breaker?.recovered();
      const isHere = elsewhere === undefined;
      const { stickiness, tasks } = slot;
      const options: LegacyMemberOptions & ModernMemberOptions = {
        peer,
        limits: isHere ? this.#options.limits : this.#limitsElsewhere,
        handshakeResult: handshake.result,
        audience: replica.audience,
        slot,
        clientInfo,
        replica: slot.replicas.indexOf(replica),
        // Whose a task is, and what names a replica, is seen to where the member is.
        ...(isHere && stickiness !== undefined && { stickiness }),
        ...(isHere && tasks !== undefined && { tasks }),
        onGone: (member, why) => {
          const reason = slot.mask(why);
          const expected = slot.closed || member.retiring;
          emit({ type: 'member.closed', upstream: name, slot: slot.key, reason, expected });
          // Where a client has a member for itself, what it does to it after the first answer is its own affair.
          if (!expected && (!slot.audience.exclusive || !peer.hasAnswered)) breaker?.failed(reason, 'crash');
          onGone(member, reason);
        },
        onForgotten: (member, reason) => {
          if (slot.closed) return;
          // A server that forgets every session at once is of no use; one that was restarted is.
          if (!peer.hasAnswered) breaker?.failed(reason, 'crash');
          replica.leave(member, reason);
        },
      };
      const ms = Math.round(performance.now() - startedAt);
      const isLegacy = handshake.era === 'legacy';
      const member = isLegacy ? new LegacyMember(options) : new ModernMember(options);
      const { era, version } = member;
      emit({ type: 'member.ready', upstream: name, slot: slot.key, era, version, ms, again });
      return member;
    } catch (thrown) {
      const error = masked(thrown, slot.credentials);
      this.#startFailed(slot.key, error, breaker, slot.credentials);
      throw error;
    }
  }

  /** What is being closed, or has a successor, has not failed. */
  #startFailed(slot: string, error: SwitchboardError, breaker?: Breaker, credentials?: Credentials): void {
    if (error.code === 'SWB_SHUTTING_DOWN' || this.#closed || this.#recalled) return;
    // It may well run where it is: another one here would be one too many.
    if (breaker === undefined && isNotFoundOut(error)) return;
    const only = credentials === undefined ? {} : { credentials: credentials.digest };
    this.#options.emit({ type: 'member.failed', upstream: this.name, slot, reason: error.message, ...only });
    // At which node it succeeds again is not known here: that it can be started is.
    if (breaker === undefined) this.#breaker(credentials).doubt(true);
    else breaker.failed(error.message, isRefusal(error) ? 'refusal' : 'start');
  }

  /** One at another node is replaced there. */
  get #limitsElsewhere(): HealthLimits {
    const { maxRequests: _, maxAgeMs: _age, maxMemoryBytes: _memory, ...rest } = this.#options.limits;
    return rest;
  }

  /** Starts one that serves nobody. @throws {SwitchboardError} why it did not start */
  async #try(): Promise<LaunchResult> {
    const breaker = this.#breaker(undefined);
    try {
      const launched = await this.#launcher.start({
        slot: 'check',
        clientIdentity: { version: legacyVersionFor(''), capabilities: NOTHING, clientInfo: this.#options.clientInfo },
        announce: true,
        eras: ['modern', 'legacy'],
        credentials: undefined,
        via: [],
      });
      breaker.recovered();
      return launched;
    } catch (thrown) {
      const error = asSwitchboardError(thrown);
      this.#startFailed('check', error, breaker);
      throw error;
    }
  }

  /** Finds out whether a server that did not start can be started now. */
  async #tryAgain(): Promise<void> {
    if (this.#closed || this.#recalled) return;
    try {
      const { peer } = await this.#try();
      peer.channel.close();
    } catch {
      // It has been counted, and an event says so.
    }
  }

  #breaker(credentials: Credentials | undefined): Breaker {
    const key = credentials?.digest ?? '';
    const known = this.#breakers.get(key);
    if (known !== undefined) return known;
    const { emit, crashes } = this.#options;
    const upstream = this.name;
    const breaker = new Breaker({
      upstream,
      ...crashes,
      ...(this.#options.template.isEmpty && { tryAgain: () => this.#own('try again', () => this.#tryAgain()) }),
      onChange: (failing) => {
        if (failing === undefined)
          emit({ type: 'upstream.recovered', upstream, ...(key !== '' && { credentials: key }) });
        else emit({ type: 'upstream.failing', upstream, ...failing, ...(key !== '' && { credentials: key }) });
      },
    });
    if (this.#breakers.size >= MAX_BREAKERS) this.#forgetBreaker();
    this.#breakers.set(key, breaker);
    return breaker;
  }

  #forgetBreaker(): void {
    const [oldest] = this.#breakers.keys();
    const [clear = oldest] = [...this.#breakers].find(([, breaker]) => breaker.isClear) ?? [];
    if (clear !== undefined) this.#breakers.delete(clear);
  }

  #tick(): void {
    const members = this.#replicas.flatMap((replica) => replica.members);
    for (const { health } of members) this.#own('liveness', () => health.checkLiveness(isStopped));
    for (const slot of this.#slots.values()) this.#own('clock', () => slot.tick());
    this.#own('spares', () => this.#launcher.fillSpares());
    const { maxMemoryBytes } = this.#options.limits;
    const isLimited = maxMemoryBytes !== undefined && members.length > 0;
    const isSoon = isLimited || (this.#isPerCaller && !this.#hasAdvised && members.length >= ADVISED_MEMBERS);
    if (!isSoon && !this.#startsForEach) return;
    if (Date.now() - this.#measuredAt < (isSoon ? MEASURE_MS : SPARES_MEASURE_MS)) return;
    this.#measuredAt = Date.now();
    this.#own('memory', async () => {
      const tree = await readProcessTree();
      if (isLimited) for (const { health } of members) this.#own('memory', () => health.measure(tree));
      const used = this.#launcher.sparePids.map((pid) => tree.usage(pid)?.memoryBytes ?? 0);
      this.#demand.bytesEach = Math.max(LEAST_BYTES, ...used);
      this.#advise(members, tree);
    });
  }

  /** Runs what no request waits for: a failure is an event, and everything else goes on. */
  #own(where: string, work: () => unknown): void {
    owned(work, (error) => this.#options.emit({ type: 'failed', where: `${this.name}: ${where}`, error }));
  }

  /** Where each session starts a process, their memory is what sessions cost; that is told once. */
  #advise(members: readonly LiveMember[], tree: ProcessTree): void {
    if (this.#hasAdvised || !this.#isPerCaller || members.length < ADVISED_MEMBERS) return;
    const used = members.map(({ peer: { channel } }) =>
      channel.pid === undefined ? 0 : (tree.usage(channel.pid)?.memoryBytes ?? 0),
    );
    const bytes = used.reduce((sum, each) => sum + each, 0);
    if (bytes < ADVISED_BYTES) return;
    this.#hasAdvised = true;
    const savedBytes = bytes - Math.max(...used);
    this.#options.emit({ type: 'upstream.memory', upstream: this.name, members: members.length, bytes, savedBytes });
  }

  /** Whether each session, or each principal, has a member of its own. */
  get #isPerCaller(): boolean {
    const { isolation } = this.#options;
    return isolation === 'session' || isolation === 'principal';
  }

  /** Whether those can be started before somebody comes. */
  get #startsForEach(): boolean {
    const { warm, template } = this.#options;
    return warm === 'auto' && template.isEmpty && this.#isPerCaller;
  }

  get #wantedSpares(): number {
    const { warm, template } = this.#options;
    if (!template.isEmpty || this.failing !== undefined) return 0;
    if (warm !== 'auto') return warm;
    return this.#startsForEach ? this.#demand.wanted : 0;
  }
}

/** A shared member is best spoken to in the modern era, where every message has its address; others in their caller's. */
const erasFor = (slot: MemberSlot): Era[] =>
  slot.audience.exclusive && slot.era === 'legacy' ? ['legacy', 'modern'] : ['modern', 'legacy'];

/** A server may repeat in its words what it was given. */
function masked(thrown: unknown, credentials: Credentials | undefined): SwitchboardError {
  const error = asSwitchboardError(thrown);
  return credentials === undefined ? error : error.masked(credentials.mask);
}
