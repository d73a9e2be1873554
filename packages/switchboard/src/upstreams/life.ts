/** The life of one member: how it is seen to be well, when it is worn out, and what is told of it. */
import type { Era } from '../protocol/eras.ts';
import type { Member } from '../router/exchange.ts';
import type { ProcessTree } from './process-tree.ts';
import type { RpcPeer } from './rpc-peer.ts';

/** When a member is tried, given a rest, and replaced. Absent means never. */
export interface LifeLimits {
  /** After so long without a word of it, in ms, it is asked for one. */
  livenessIntervalMs?: number;
  /** How long it may take to answer that, in ms. */
  livenessTimeoutMs: number;
  /** How long one that works on requests may be silent, in ms: some cannot answer while they compute. */
  busyTimeoutMs: number;
  /** How many requests it serves before another takes its place. */
  maxRequests?: number;
  /** How old it gets, in ms, before another takes its place. */
  maxAgeMs?: number;
  /** How much memory it and the processes that it started may use, in bytes. */
  maxMemoryBytes?: number;
  /** How long nobody may have used it, in ms, before it is closed. */
  idleMs?: number;
}

/** The life of a member. */
export type MemberState = 'starting' | 'ready' | 'failing' | 'retiring';

/** A member as the outside sees it. */
export interface MemberFacts {
  /** Who shares it, as a key that holds no secret. */
  slot: string;
  /** Whether it is starting, ready, failing or being replaced. */
  state: MemberState;
  /** The child process; absent for others. */
  pid?: number;
  /** The era that it speaks; unknown until it is ready. */
  era?: Era;
  /** The protocol version that was agreed. */
  version?: string;
  /** In ms since 1970. */
  startedAt?: number;
  /** How many requests it was sent. */
  requests: number;
  /** How many of them are under way. */
  inFlight: number;
  /** How many members served this place before. */
  restarts: number;
  /** Why the one before ended. */
  lastReason?: string;
  /** Of its whole process tree; absent where that is unknown. */
  memoryBytes?: number;
  /** Processor time that its process tree has used. */
  cpuMs?: number;
}

/** A member whose life is looked after. */
export interface LivingMember extends Member {
  /** Asks for any answer at all. Never rejects; resolves when one came, or when the time is over. */
  ping(timeoutMs: number): Promise<void>;
  /** Another has taken its place: it says no more to the session, ends what would not end of itself, and finishes the rest. */
  retire(): void;
}

export interface LifeOptions {
  peer: RpcPeer;
  member: LivingMember;
  limits: LifeLimits;
}

/** A process of twice the memory that it may have is not waited for. */
const HARD_MEMORY = 2;

export class Life {
  readonly peer: RpcPeer;
  readonly member: LivingMember;
  readonly startedAt: number = Date.now();
  /** When somebody last asked for it, in ms since 1970. */
  usedAt: number = this.startedAt;
  retiring = false;
  readonly #limits: LifeLimits;
  #asking = false;
  #tooLarge = false;

  constructor({ peer, member, limits }: LifeOptions) {
    this.peer = peer;
    this.member = member;
    this.#limits = limits;
  }

  get pid(): number | undefined {
    return (this.peer.channel as { pid?: number }).pid;
  }

  /** Why it should be replaced, if it should. */
  get worn(): string | undefined {
    const { maxRequests = Infinity, maxAgeMs = Infinity, maxMemoryBytes } = this.#limits;
    if (this.#tooLarge) return `it uses more than ${maxMemoryBytes} bytes of memory (maxMemory)`;
    if (this.peer.requests >= maxRequests) return `it has served ${maxRequests} requests (maxRequests)`;
    if (Date.now() - this.startedAt >= maxAgeMs) return `it is ${maxAgeMs} ms old (maxAge)`;
    return undefined;
  }

  /** Whether its memory is what it should be replaced for, however it is shared. */
  get isTooLarge(): boolean {
    return this.#tooLarge;
  }

  get isUnused(): boolean {
    const { idleMs = Infinity } = this.#limits;
    return this.member.inFlight === 0 && Date.now() - this.usedAt >= idleMs;
  }

  /** Asks a member that is silent for a word, and ends one that has none. */
  async checkLiveness(isStopped: (pid: number) => Promise<boolean>): Promise<void> {
    const { livenessIntervalMs = Infinity, livenessTimeoutMs, busyTimeoutMs } = this.#limits;
    const { peer, member } = this;
    if (this.#asking || peer.goneReason !== undefined || Date.now() - peer.heardAt < livenessIntervalMs) return;
    this.#asking = true;
    const silentSince = peer.heardAt;
    try {
      await member.ping(livenessTimeoutMs);
    } finally {
      this.#asking = false;
    }
    if (peer.heardAt !== silentSince || peer.goneReason !== undefined) return;
    const silentMs = Date.now() - silentSince;
    const stopped = this.pid !== undefined && (await isStopped(this.pid));
    if (member.inFlight > 0 && silentMs < busyTimeoutMs && !stopped) return;
    peer.end(`no reply to the liveness ping within ${livenessTimeoutMs} ms (livenessTimeout)`);
  }

  /** Looks at the memory of its processes. */
  measure(tree: ProcessTree): void {
    const { maxMemoryBytes = Infinity } = this.#limits;
    const bytes = (this.pid === undefined ? undefined : tree.usage(this.pid)?.memoryBytes) ?? 0;
    this.#tooLarge = bytes > maxMemoryBytes;
    if (bytes <= maxMemoryBytes * HARD_MEMORY) return;
    this.peer.end(`it used ${bytes} bytes of memory, more than twice what it may (maxMemory ${maxMemoryBytes})`);
  }
}
