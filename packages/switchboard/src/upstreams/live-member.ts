/**
 * One live server: the connection to it, its health, and what members of both eras do alike. What differs is in `legacy.ts` and
 * `modern.ts`.
 */
import type { Era } from '../protocol/eras.ts';
import { isObject, notification } from '../protocol/jsonrpc.ts';
import type { JsonObject, RpcNotification } from '../protocol/jsonrpc.ts';
import type { ParamHeader } from '../protocol/param-headers.ts';
import { capabilitiesOf } from '../protocol/translate.ts';
import type { Audience, Caller, Exchange, Member, Scope } from '../router/exchange.ts';
import { MemberHealth } from './member-health.ts';
import type { HealthLimits } from './member-health.ts';
import type { PeerHandlers, RpcPeer } from './rpc-peer.ts';
import { ToolHeaders } from './tool-headers.ts';

export interface LiveMemberOptions {
  peer: RpcPeer;
  /** The server's `InitializeResult` or `DiscoverResult`. */
  handshakeResult: JsonObject;
  audience: Audience;
  /** When it is tried and replaced. */
  limits: HealthLimits;
  /** The connection has ended, and every exchange on it is settled. May be called while the member is made. */
  onGone(member: LiveMember, reason: string): void;
  /** The server has forgotten the session: what it works on may still be answered, anything new needs another member. */
  onForgotten(member: LiveMember, reason: string): void;
}

const LIST_TIMEOUT_MS = 30_000;

export abstract class LiveMember implements Member {
  abstract readonly era: Era;
  abstract readonly version: string;
  readonly handshakeResult: JsonObject;
  readonly peer: RpcPeer;
  readonly health: MemberHealth;
  protected readonly audience: Audience;
  protected readonly tools: ToolHeaders;
  readonly #options: LiveMemberOptions;
  readonly #onLeave: Set<(reason?: string) => void> = new Set();
  #retiring = false;

  constructor(options: LiveMemberOptions) {
    const { peer, handshakeResult, audience, limits } = options;
    this.peer = peer;
    this.handshakeResult = handshakeResult;
    this.audience = audience;
    this.#options = options;
    this.health = new MemberHealth({ peer, limits, ping: (timeoutMs) => this.ping(timeoutMs) });
    this.tools = new ToolHeaders((params) => peer.call('tools/list', this.ownParams(params), LIST_TIMEOUT_MS));
  }

  abstract open(exchange: Exchange): void;
  abstract handshakeResultFor(scope: Scope): JsonObject | Promise<JsonObject>;
  abstract notify(note: RpcNotification): void;
  abstract join(caller: Caller): void;
  abstract leave(caller: Caller): void;
  /** Takes up what the callers had with the member before this one. */
  abstract restore(): Promise<void>;
  /** Asks for any answer at all. Never rejects; resolves when one came, or when the time is over. */
  protected abstract ping(timeoutMs: number): Promise<void>;

  /** The node that it is at, by its name, where that is another. */
  get node(): string | undefined {
    return this.peer.channel.node;
  }

  /**
   * @param listener called when another has taken its place, and when it is gone, then with the reason.
   * @returns stops that.
   */
  whenLeaving(listener: (reason?: string) => void): () => void {
    this.#onLeave.add(listener);
    return () => this.#onLeave.delete(listener);
  }

  /** Whether another has taken its place. */
  get retiring(): boolean {
    return this.#retiring;
  }

  get inFlight(): number {
    return this.peer.inFlight;
  }

  cancel(exchange: Exchange, reason?: string): void {
    this.peer.cancel(exchange, reason);
  }

  paramHeaders(tool: string): readonly ParamHeader[] | Promise<readonly ParamHeader[]> {
    if (this.tools.isLoaded) return this.tools.of(tool);
    return this.tools.load().then(() => this.tools.of(tool));
  }

  isReadOnly(tool: string): boolean | Promise<boolean> {
    if (this.tools.isLoaded) return this.tools.isReadOnly(tool);
    return this.tools.load().then(() => this.tools.isReadOnly(tool));
  }

  /** Another has taken its place: it says no more to the session, ends what would not end of itself, and finishes the rest. */
  retire(): void {
    this.#retiring = true;
    for (const listener of this.#onLeave) listener();
  }

  close(): void {
    this.peer.channel.close();
  }

  /** Takes what comes from now on. The last that a constructor does: messages that came before are handed over at once. */
  protected attach(handlers: Pick<PeerHandlers, 'onRequest' | 'onNotification'> & { onGone?(): void }): void {
    const { onGone, onForgotten } = this.#options;
    this.peer.attach(this.era, {
      onRequest: handlers.onRequest,
      onNotification: handlers.onNotification,
      onGone: (reason) => {
        handlers.onGone?.();
        for (const listener of this.#onLeave) listener(reason);
        onGone(this, reason);
      },
      onForgotten: (reason) => onForgotten(this, reason),
    });
  }

  /** The params of a request that Switchboard makes for itself. */
  protected ownParams(params: JsonObject | undefined): JsonObject | undefined {
    return params;
  }

  protected notifyAll(note: RpcNotification): void {
    for (const caller of this.audience.callers) caller.notify(note);
  }

  /** The lists of another server may be others. */
  protected announceLists(): void {
    for (const kind of ['tools', 'prompts', 'resources']) {
      const capability = capabilitiesOf(this.handshakeResult)[kind];
      if (!isObject(capability) || capability['listChanged'] !== true) continue;
      this.notifyAll(notification(`notifications/${kind}/list_changed`));
    }
  }
}
