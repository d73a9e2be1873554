/** One slot of an upstream: who shares it, and its replicas, each of which keeps a member; one, but with `pool` isolation. */
import type { Era } from '../protocol/eras.ts';
import type { SessionContext } from '../protocol/session-context.ts';
import type { Audience, Caller, Opening, Slot } from '../router/exchange.ts';
import { once } from '../util/once.ts';
import type { Credentials } from './credentials.ts';
import type { ClientIdentity } from './handshake.ts';
import type { LiveMember } from './live-member.ts';
import { Replica } from './replica.ts';
import type { ReplicaOptions } from './replica.ts';
import type { Stickiness } from './stickiness.ts';
import type { Tasks } from './tasks.ts';

export interface SlotOptions extends Omit<ReplicaOptions, 'audience' | 'open'> {
  upstream: string;
  key: string;
  leased: boolean;
  audience: Audience;
  clientIdentity: ClientIdentity;
  /** The era of whoever came first. */
  era: Era;
  /** What the callers brought for its members; those with other values have another slot. */
  credentials: Credentials | undefined;
  /** Who the one session is that has it for itself. */
  context: (() => SessionContext) | undefined;
  /** The Switchboards that whoever came first came through. Who came through more or fewer has another slot. */
  via: readonly string[];
  /** How long a slot that nobody holds is kept when it has nothing to do, in ms; 0 closes it when its last holder leaves. */
  lingerMs: number;
  /** How many members serve it. */
  replicas: number;
  /** Which of several members a request must go to. */
  stickiness: Stickiness | undefined;
  /** The tasks that its members have begun, where several principals share them. */
  tasks: Tasks | undefined;
  /** An audience of nobody, for the members that do not serve sessions. */
  newAudience(): Audience;
  /** Resolves when it is known whether its members are still this node's; nothing where that is known. @default known */
  settled?(): Promise<void> | undefined;
  open(slot: MemberSlot, ...args: Parameters<ReplicaOptions['open']>): ReturnType<ReplicaOptions['open']>;
  onEmpty(slot: MemberSlot): void;
}

/**
 * How long a part in members of another node is kept that nobody uses, in ms. As long as it is, their node cannot end them when it needs room;
 * to get one again is one request.
 */
const ELSEWHERE_MS = 30_000;
/** What any of several members alike can do; everything else belongs to the session, and goes to the first. */
const SPREAD: ReadonlySet<string> = new Set(['tools/call', 'prompts/get', 'resources/read', 'completion/complete']);

export class MemberSlot implements Slot {
  readonly upstream: string;
  readonly key: string;
  readonly leased: boolean;
  readonly audience: Audience;
  readonly clientIdentity: ClientIdentity;
  readonly era: Era;
  readonly credentials: Credentials | undefined;
  readonly context: (() => SessionContext) | undefined;
  readonly via: readonly string[];
  /** The first one serves sessions: its member hears subscriptions and tells of changes, so that nothing is told twice. */
  readonly replicas: readonly Replica[];
  readonly #options: SlotOptions;
  readonly #first: Replica;
  #retainers = 0;
  #leases = 0;
  /** What lets it go, for each caller that joined. */
  readonly #keptBy: Map<Caller, () => void> = new Map();
  #retired = false;
  #closed = false;
  #linger: NodeJS.Timeout | undefined;

  constructor(options: SlotOptions) {
    this.upstream = options.upstream;
    this.key = options.key;
    this.leased = options.leased;
    this.audience = options.audience;
    this.clientIdentity = options.clientIdentity;
    this.era = options.era;
    this.credentials = options.credentials;
    this.context = options.context;
    this.via = options.via;
    this.#options = options;
    const replica = (audience: Audience): Replica =>
      new Replica({ ...options, audience, open: (...args) => options.open(this, ...args) });
    this.#first = replica(this.audience);
    const others = Array.from({ length: options.replicas - 1 }, () => replica(options.newAudience()));
    this.replicas = [this.#first, ...others];
    if (options.lingerMs > 0) this.#postponeEnd();
  }

  get tasks(): Tasks | undefined {
    return this.#options.tasks;
  }

  get stickiness(): Stickiness | undefined {
    return this.#options.stickiness;
  }

  /** A text of the server without what its callers brought. */
  mask(text: string): string {
    return this.credentials === undefined ? text : this.credentials.mask(text);
  }

  get isFree(): boolean {
    return this.#leases === 0;
  }

  /** Whether nobody would miss it. */
  get isIdle(): boolean {
    return this.#retainers === 0 && this.replicas.every(({ load }) => load === 0);
  }

  /** Whether nobody new is given it. */
  get retired(): boolean {
    return this.#retired;
  }

  get closed(): boolean {
    return this.#closed;
  }

  member(request?: Pick<Opening, 'method' | 'params'>): LiveMember | Promise<LiveMember> {
    this.#postponeEnd();
    const settled = this.#options.settled?.();
    if (settled !== undefined) return settled.then(() => this.#replicaFor(request).take());
    return this.#replicaFor(request).take();
  }

  join(caller: Caller): void {
    this.audience.join(caller);
    this.#keptBy.set(caller, this.retain());
    this.#first.member?.join(caller);
  }

  leave(caller: Caller): void {
    const { member } = this.#first;
    if (member === undefined) this.audience.leave(caller, () => {});
    else member.leave(caller);
    this.#keptBy.get(caller)?.();
    this.#keptBy.delete(caller);
  }

  retain(lease = false): () => void {
    this.#retainers++;
    if (lease) this.#leases++;
    clearTimeout(this.#linger);
    return once(() => {
      this.#retainers--;
      if (lease) this.#leases--;
      this.#postponeEnd();
    });
  }

  retire(): void {
    this.#retired = true;
    this.#postponeEnd();
  }

  rest(reason: string): void {
    if (!this.audience.exclusive) return;
    for (const replica of this.replicas) this.#options.own('replacement', () => replica.renew(reason));
  }

  tick(): void {
    for (const replica of this.replicas) replica.tick();
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    clearTimeout(this.#linger);
    for (const replica of this.replicas) replica.close();
    for (const caller of this.audience.callers) caller.end?.();
    this.#options.onEmpty(this);
  }

  /** The one that the request belongs to, or the one with the least to do; one that is there before one that must be started. */
  #replicaFor(request: Pick<Opening, 'method' | 'params'> | undefined): Replica {
    if (request === undefined || this.replicas.length === 1) return this.#first;
    const bound = this.#options.stickiness?.replicaOf(request.params);
    if (bound !== undefined && bound < this.replicas.length) return this.replicas[bound]!;
    if (!SPREAD.has(request.method)) return this.#first;
    const weight = (replica: Replica): number => replica.load * 2 + (replica.member === undefined ? 1 : 0);
    const live = this.replicas.filter(({ member }) => member !== undefined);
    const usable = live.length > 0 && this.#options.isFailing() ? live : this.replicas;
    return usable.reduce((best, replica) => (weight(replica) < weight(best) ? replica : best));
  }

  #endIfIdle(): void {
    if (this.isIdle && !this.replicas.some(({ isOpening }) => isOpening)) this.close();
    else this.#postponeEnd();
  }

  #postponeEnd(): void {
    clearTimeout(this.#linger);
    if (this.#closed || this.#retainers > 0) return;
    const { lingerMs } = this.#options;
    if (lingerMs === 0 || this.#retired) this.close();
    else if (lingerMs === Infinity) return;
    else {
      const isElsewhere = this.replicas.every(({ member }) => member?.node !== undefined);
      const ms = isElsewhere ? Math.min(lingerMs, ELSEWHERE_MS) : lingerMs;
      this.#linger = setTimeout(() => this.#endIfIdle(), ms).unref();
    }
  }
}
