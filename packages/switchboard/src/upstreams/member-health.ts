/** The health of one member: whether it is alive, and when it is worn out. */
import type { ProcessTree } from './process-tree.ts';
import type { RpcPeer } from './rpc-peer.ts';

/** When a member is tried, given a rest, and replaced. Absent means never. */
export interface HealthLimits {
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

export interface MemberHealthOptions {
  peer: RpcPeer;
  limits: HealthLimits;
  /** Asks for any answer at all. Never rejects; resolves when one came, or when the time is over. */
  ping(timeoutMs: number): Promise<void>;
}

/** A process of twice the memory that it may have is not waited for. */
const HARD_MEMORY = 2;

export class MemberHealth {
  readonly startedAt: number = Date.now();
  /** When somebody last asked for the member, or it last had a request, in ms since 1970. */
  usedAt: number = this.startedAt;
  readonly #peer: RpcPeer;
  readonly #limits: HealthLimits;
  readonly #ping: MemberHealthOptions['ping'];
  #asking = false;
  #tooLarge = false;

  constructor({ peer, limits, ping }: MemberHealthOptions) {
    this.#peer = peer;
    this.#limits = limits;
    this.#ping = ping;
  }

  /** Why it should be replaced, if it should. */
  get worn(): string | undefined {
    const { maxRequests = Infinity, maxAgeMs = Infinity, maxMemoryBytes } = this.#limits;
    if (this.#tooLarge) return `it uses more than ${maxMemoryBytes} bytes of memory (maxMemory)`;
    if (this.#peer.requests >= maxRequests) return `it has served ${maxRequests} requests (maxRequests)`;
    if (Date.now() - this.startedAt >= maxAgeMs) return `it is ${maxAgeMs} ms old (maxAge)`;
    return undefined;
  }

  /** Whether its memory is what it should be replaced for, however it is shared. */
  get isTooLarge(): boolean {
    return this.#tooLarge;
  }

  get isUnused(): boolean {
    const { idleMs = Infinity } = this.#limits;
    return this.#peer.inFlight === 0 && Date.now() - this.usedAt >= idleMs;
  }

  /** Asks a member that is silent for a word, and ends one that has none. */
  async checkLiveness(isStopped: (pid: number) => Promise<boolean>): Promise<void> {
    const { livenessIntervalMs = Infinity, livenessTimeoutMs, busyTimeoutMs } = this.#limits;
    const peer = this.#peer;
    const { pid } = peer.channel;
    if (this.#asking || peer.goneReason !== undefined || Date.now() - peer.heardAt < livenessIntervalMs) return;
    this.#asking = true;
    const silentSince = peer.heardAt;
    try {
      await this.#ping(livenessTimeoutMs);
    } finally {
      this.#asking = false;
    }
    if (peer.heardAt !== silentSince || peer.goneReason !== undefined) return;
    const silentMs = Date.now() - silentSince;
    const stopped = pid !== undefined && (await isStopped(pid));
    if (peer.inFlight > 0 && silentMs < busyTimeoutMs && !stopped) return;
    peer.end(`no reply to the liveness ping within ${livenessTimeoutMs} ms (livenessTimeout)`);
  }

  /** Looks at the memory of its processes. */
  measure(tree: ProcessTree): void {
    const { maxMemoryBytes = Infinity } = this.#limits;
    const { pid } = this.#peer.channel;
    const bytes = (pid === undefined ? undefined : tree.usage(pid)?.memoryBytes) ?? 0;
    this.#tooLarge = bytes > maxMemoryBytes;
    if (bytes <= maxMemoryBytes * HARD_MEMORY) return;
    this.#peer.end(`it used ${bytes} bytes of memory, more than twice what it may (maxMemory ${maxMemoryBytes})`);
  }
}
