/** Starts the members of an upstream: connects to the server, and negotiates the era that it speaks. */
import type { Emit } from '../observe/events.ts';
import { META, metaOf } from '../protocol/eras.ts';
import type { Era } from '../protocol/eras.ts';
import { SwitchboardError } from '../protocol/errors.ts';
import type { SessionContext } from '../protocol/session-context.ts';
import type { Channel } from '../transports/channel.ts';
import type { Credentials } from './credentials.ts';
import { Definitions } from './definitions.ts';
import { negotiate } from './handshake.ts';
import type { Handshake, ClientIdentity } from './handshake.ts';
import { selfDescriptionOf } from './self-description.ts';
import type { SelfDescription } from './self-description.ts';
import { Spares } from './spares.ts';
import { owned } from '../util/owned.ts';
import { RpcPeer } from './rpc-peer.ts';

export interface LauncherOptions {
  name: string;
  /** How many are to be ready ahead of need. */
  wanted(): number;
  /** Told how long a start took from nothing to the first answer, in ms. */
  onStarted?(ms: number): void;
  /** One that was started ahead of need did not start, or ended soon. */
  onSpareFailed?(): void;
  /** The only era to speak; found out when absent. */
  era?: Era;
  /** Whether servers are told who is calling, with each request. */
  context: boolean;
  startTimeoutMs: number;
  probeTimeoutMs: number;
  /** What to do about a server that needs longer to start, as a sentence. */
  patience?: string;
  /**
   * @param via the Switchboards that its callers come through.
   * @param context whom it is started for, where one session has it for itself.
   */
  connect(credentials: Credentials | undefined, via: readonly string[], context?: SessionContext): Promise<Channel>;
  /** A request of a client was answered by one of them. */
  onAnswered(): void;
  emit: Emit;
}

/** For whom something is started. */
export interface Purpose {
  slot: string;
  clientIdentity: ClientIdentity;
  /** The eras to try, in this order. */
  eras: readonly Era[];
  /** Whether to send `notifications/initialized` at once; otherwise the client's own is waited for. */
  announce: boolean;
  credentials: Credentials | undefined;
  /** Of the session that has it for itself. */
  context?: SessionContext | undefined;
  /** The Switchboards that those came through whom it is for. */
  via: readonly string[];
  /** Leads to one that runs elsewhere already; otherwise it is started. */
  channel?: Channel | undefined;
}

export interface LaunchResult {
  peer: RpcPeer;
  handshake: Handshake;
}

/** How long it is believed that a server does not speak an era; it may have been updated since. */
const VERDICT_MS = 3_600_000;
/** How much of a server's name and version is compared. */
const MAX_IDENTITY = 1000;

export class Launcher {
  readonly #options: LauncherOptions;
  readonly #spares: Spares;
  /** Everything that was started and has not ended: what `close` waits for. */
  readonly #running: Set<RpcPeer> = new Set();
  readonly #connecting: Set<Promise<Channel>> = new Set();
  /** An era that the server was found not to speak, and when. */
  readonly #silent: Map<Era, number> = new Map();
  /** What the server last called itself: another one, or another version of it, may speak other eras. */
  #identity: string | undefined;
  #said: SelfDescription | undefined;
  readonly #definitions: Definitions = new Definitions();
  #speaksModern = false;
  #onIdle: (() => void) | undefined;
  #closed = false;

  constructor(options: LauncherOptions) {
    this.#options = options;
    this.#spares = new Spares({
      wanted: () => options.wanted(),
      start: () => this.#connect('spare', undefined, () => options.connect(undefined, [])),
      onUp: (ms) => options.onStarted?.(ms),
      onFailed: () => options.onSpareFailed?.(),
      own: (where, work) =>
        owned(work, (error) => options.emit({ type: 'failed', where: `${options.name}: ${where}`, error })),
    });
    this.#spares.fill();
  }

  /** Those of this node. */
  get running(): number {
    return [...this.#running].filter(({ channel }) => channel.node === undefined).length;
  }

  /** What the last that was started says of itself. */
  get said(): SelfDescription | undefined {
    return this.#said;
  }

  /** Whether the last that was started was spoken to in the modern era. */
  get speaksModern(): boolean {
    return this.#speaksModern;
  }

  /** Some servers exit when the first message is not the one they know: then a second child is started, and tried in the other era only. */
  async start({
    slot,
    clientIdentity,
    announce,
    eras,
    credentials,
    via,
    context,
    channel,
  }: Purpose): Promise<LaunchResult> {
    const known = this.#spoken(eras);
    for (const tries of [known, known.slice(1)]) {
      const spare = credentials === undefined && channel === undefined ? this.#spares.take() : undefined;
      const startedAt = performance.now();
      const connect = (): Promise<Channel> => this.#options.connect(credentials, via, context);
      const peer =
        spare ??
        (channel === undefined
          ? await this.#connect(slot, credentials, connect)
          : this.#adopt(slot, credentials, channel));
      const { startTimeoutMs, probeTimeoutMs, patience } = this.#options;
      try {
        const handshake = await negotiate(peer, {
          eras: tries,
          clientIdentity,
          announce,
          startTimeoutMs,
          probeTimeoutMs,
          ...(patience !== undefined && { patience }),
        });
        this.#speaksModern = handshake.era === 'modern';
        this.#identify(handshake);
        this.#said = selfDescriptionOf(handshake, credentials?.mask ?? ((text) => text));
        for (const era of handshake.refused) this.#silent.set(era, Date.now());
        if (spare === undefined && channel === undefined) this.#options.onStarted?.(performance.now() - startedAt);
        return { peer, handshake };
      } catch (error) {
        const exitedOnProbe = tries[0] === 'modern' && tries.length > 1 && peer.goneReason !== undefined;
        peer.channel.close();
        if (!exitedOnProbe) {
          // What was believed of it may be what made it fail.
          if (tries.length < eras.length) this.#silent.clear();
          throw error;
        }
        this.#silent.set('modern', Date.now());
      }
    }
    throw new SwitchboardError('SWB_UPSTREAM_UNAVAILABLE');
  }

  /** Ends everything; resolves when the last process is gone. */
  async close(): Promise<void> {
    this.#closed = true;
    this.#spares.close();
    for (const peer of this.#running) peer.channel.close();
    // What is being started now is ended as soon as it is there.
    await Promise.allSettled(this.#connecting);
    if (this.#running.size > 0) await new Promise<void>((resolve) => (this.#onIdle = resolve));
  }

  /** The processes of those that are ready and wait for somebody. */
  get sparePids(): number[] {
    return this.#spares.pids;
  }

  /** Starts or ends spares, so that there are as many as are wanted now. */
  fillSpares(): void {
    this.#spares.fill();
  }

  /** What is started ahead of need from now on is new. */
  renewSpares(): void {
    this.#spares.renew();
  }

  #identify({ era, result }: Handshake): void {
    const server = era === 'modern' ? metaOf(result)?.[META.serverInfo] : result['serverInfo'];
    const identity = JSON.stringify(server)?.slice(0, MAX_IDENTITY);
    if (this.#identity !== undefined && identity !== this.#identity) this.#silent.clear();
    this.#identity = identity;
  }

  #spoken(eras: readonly Era[]): readonly Era[] {
    if (this.#options.era !== undefined) return [this.#options.era];
    const spoken = eras.filter((era) => Date.now() - (this.#silent.get(era) ?? -Infinity) > VERDICT_MS);
    return spoken.length > 0 ? spoken : eras;
  }

  async #connect(
    slot: string,
    credentials: Credentials | undefined,
    connect: () => Promise<Channel>,
  ): Promise<RpcPeer> {
    const connecting = connect();
    this.#connecting.add(connecting);
    return this.#adopt(slot, credentials, await connecting.finally(() => this.#connecting.delete(connecting)));
  }

  #adopt(slot: string, credentials: Credentials | undefined, channel: Channel): RpcPeer {
    const { name, emit, onAnswered } = this.#options;
    const mask = credentials?.mask ?? ((text: string) => text);
    const { pid } = channel;
    if (channel.node === undefined)
      emit({ type: 'member.started', upstream: name, slot, ...(pid !== undefined && { pid }) });
    let isClosed = false;
    let running: RpcPeer | undefined;
    const peer = new RpcPeer(channel, {
      stray: (what) => emit({ type: 'upstream.stray', upstream: name, slot, what: mask(what) }),
      notice: (what) => emit({ type: 'upstream.notice', upstream: name, slot, what: mask(what) }),
      tellsContext: this.#options.context,
      answered: onAnswered,
      listed: (answer) => {
        if (!('result' in answer)) return;
        const tools = this.#definitions.changed(answer.result, credentials?.digest);
        if (tools.length > 0) emit({ type: 'tools.changed', upstream: name, tools: tools.map(mask) });
      },
      failed: (where, error) => emit({ type: 'failed', where: `${name}: ${where}`, error }),
      closed: () => {
        isClosed = true;
        if (running !== undefined) this.#running.delete(running);
        if (this.#running.size === 0) this.#onIdle?.();
      },
    });
    // One that had ended before is told of at once.
    if (!isClosed) this.#running.add((running = peer));
    if (this.#closed) {
      channel.close();
      throw new SwitchboardError('SWB_SHUTTING_DOWN');
    }
    return peer;
  }
}
