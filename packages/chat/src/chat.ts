/** A chat: sockets, sessions, rooms, a model, and a gateway to the servers. */
import { createServer } from 'node:http';
import type { RequestListener, Server } from 'node:http';
import { randomUUID } from 'node:crypto';
import { setTimeout as pause } from 'node:timers/promises';

import { SwitchboardError, createGateway, isLoopback } from 'mcp-switchboard';
import type { Gateway } from 'mcp-switchboard';
import { WebSocketServerTransport } from 'mcp-switchboard/websocket';
import type { WebSocketClient } from 'mcp-switchboard/websocket';

import { ChatFailure } from './failure.ts';
import { Retention } from './kept/retention.ts';
import { Vault } from './kept/vault.ts';
import { ChatMetrics } from './metrics.ts';
import type { ChatSnapshot } from './metrics.ts';
import { OfflineModel } from './models/offline.ts';
import { LIMITS, SYSTEM } from './options.ts';
import { unaskedOf, whenOf } from './options.ts';
import type { ChatEvent, ChatIdentity, ChatLimits, ChatOptions } from './options.ts';
import { ClientSocket } from './nodes/client-socket.ts';
import { Departure } from './nodes/departure.ts';
import type { Returning } from './nodes/messages.ts';
import { roomOwners } from './nodes/room-owners.ts';
import { Visitors } from './nodes/visitors.ts';
import { answerBrowsers } from './pages.ts';
import { Credentials } from './people/credentials.ts';
import { KeyedSemaphore } from './people/keyed-semaphore.ts';
import { KeyedTokenBucket } from './people/keyed-token-bucket.ts';
import type { Resume } from './protocol/client-messages.ts';
import type { Usage } from './protocol/history.ts';
import { OwnMessages } from './protocol/own-messages.ts';
import type { MessageHandler } from './protocol/own-messages.ts';
import { CHAT_V2 } from './protocol/subprotocol.ts';
import { Rooms } from './rooms.ts';
import type { RoomOwners } from './rooms.ts';
import { firstToEnd } from './session/absent.ts';
import { Session } from './session/session.ts';
import type { SessionOptions, SessionServices } from './session/session.ts';
import { SignIn } from './session/sign-in.ts';
import { checkCredentials } from './tools/check-credentials.ts';
import { Toolbox } from './tools/toolbox.ts';

/** How long a session is looked for at another node, and how often. */
const PATIENCE_MS = 10_000;
const POLL_MS = 200;
const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
const SHUTTING_DOWN = 'this process of the chat is shutting down; connect again';

/**
 * Makes a chat, with a gateway of its own between it and the MCP servers. Nothing is started before `listen()`.
 *
 * @throws {SwitchboardError} `SWB_CONFIG_INVALID` naming every wrong value.
 * @example
 * ```ts
 * const chat = createChat({
 *   upstreams: { demo: { command: 'npx', args: ['-y', 'mcp-switchboard-demo'] } },
 *   model: providerModel({ apiKey: process.env.ANTHROPIC_API_KEY }),
 * });
 * console.log(await chat.listen());
 * ```
 */
export function createChat(options: ChatOptions): Chat {
  return new Chat(options);
}

/** People and a model in conversation over WebSocket. {@link createChat} makes one; end it with {@link drain} or {@link close}. */
export class Chat {
  readonly #options: ChatOptions;
  readonly #gateway: Gateway;
  readonly #services: SessionServices;
  readonly #limits: ChatLimits;
  readonly #sockets: WebSocketServerTransport;
  readonly #http: Server | undefined;
  readonly #sessions: Map<string, Session> = new Map();
  /** Those of clients that are connected here. */
  readonly #clients: Map<string, ClientSocket> = new Map();
  readonly #own = new OwnMessages();
  readonly #metrics = new ChatMetrics();
  readonly #sweeper: NodeJS.Timeout;
  readonly #departure: Departure;
  readonly #visitors: Visitors;
  /** Whether all that was kept is written, and the store may be closed. */
  #hasLeft = false;
  #closing: Promise<void> | undefined;
  #onClosed: () => void = () => {};
  readonly #ended: Promise<void> = new Promise((resolve) => (this.#onClosed = resolve));
  #vault: Vault | undefined;
  #retention: Retention | undefined;
  /** Which node has a room, where there are several. */
  #owners: RoomOwners | undefined;
  /** What digests of credentials are made with; the same after a restart where conversations are kept. */
  #salt: string = randomUUID();

  /** @internal */
  constructor(options: ChatOptions) {
    const given = Object.entries(options).filter(([name, value]) => Object.hasOwn(LIMITS, name) && value !== undefined);
    const limits: ChatLimits = { ...LIMITS, ...(Object.fromEntries(given) as Partial<ChatLimits>) };
    const { path = '/chat', identify } = options;
    const servers = Object.keys(options.upstreams);
    const { isolation } = options.gateway ?? {};
    if (options.connections === 'shared' && isolation !== undefined && isolation !== 'shared') {
      const detail = `connections: shared needs the isolation shared, but ${JSON.stringify(isolation)} is set; leave one of them out`;
      throw new SwitchboardError('SWB_CONFIG_INVALID', { detail });
    }
    this.#options = options;
    this.#limits = limits;
    this.#gateway = createGateway({
      // The chat counts and ends its sessions itself, limits people itself, and asks them itself.
      rateLimit: 'unlimited',
      maxConnections: (limits.maxConnections + 1) * Math.max(1, servers.length) * 2,
      idleTimeout: `${Math.ceil((limits.idleTimeoutMs * 2) / 1000)}s`,
      requestTimeout: `${Math.ceil((limits.toolSilenceMs + limits.questionTimeoutMs) / 500)}s`,
      ...options.gateway,
      ...(options.connections === 'shared' && { isolation: 'shared' as const }),
      ...(options.host !== undefined && { host: options.host }),
      upstreams: options.upstreams,
      program: {
        sessions: () => [...this.#sessions.values()].map(({ facts }) => facts),
        kick: (id, reason) => this.#kick(id, reason),
        metrics: () => this.#metrics.text(this.#snapshot),
        onLine: (greeting, line) => this.#visitors.take(greeting, line),
        onFenced: (reason) => this.#giveUp(reason),
        onDrain: (timeoutMs) => this.#leave(timeoutMs),
      },
    });
    this.#services = this.#build(limits, servers);
    const { rooms } = this.#services;
    this.#departure = new Departure({ rooms, sessions: () => this.#sessions.values() });
    this.#visitors = new Visitors({
      limits,
      sessions: this.#sessions,
      begin: (begun) => this.#begin(begun),
      vault: () => this.#vault,
      salt: () => this.#salt,
      isGoing: (session) => this.#closing !== undefined || this.#departure.isGoing(session),
      fail: (error) => this.#services.fail(error),
    });
    const { settings } = this.#gateway;
    const { host = settings.host, port = settings.port } = options;
    const { allowedHosts = settings.allowedHosts, allowedOrigins = settings.allowedOrigins } = options;
    this.#http =
      options.server === undefined ? this.#createServer(answerBrowsers(options.servePages, path)) : undefined;
    this.#sockets = new WebSocketServerTransport({
      server: options.server ?? this.#http!,
      host,
      // What it needs beyond this machine is checked in `listen`.
      insecure: true,
      port,
      path,
      otherPaths: options.server === undefined ? ['/'] : [],
      addressOf: (request) => this.#gateway.addressOf(request),
      allowedHosts,
      allowedOrigins,
      subprotocols: [CHAT_V2],
      maxClients: limits.maxConnections,
      maxMessageBytes: limits.maxMessageBytes,
      // Idle is what nothing was said in; the sessions know.
      idleTimeoutMs: Infinity,
      ...(identify !== undefined && {
        authenticate: async (request, shown) => {
          const known = await identify(request, shown);
          return known === undefined ? undefined : { principal: known.principal, authInfo: { ...known } };
        },
      }),
      onText: (text, client) => this.#clients.get(client.id)?.receive(text),
    });
    this.#sockets.on('connect', (client) => this.#opened(client));
    this.#sockets.on('disconnect', (client) => this.#closed(client));
    this.#sockets.on('error', (error) => void this.#services.fail(error));
    this.#sweeper = setInterval(() => this.#sweep(), limits.sweepIntervalMs).unref();
  }

  /** What the gateway's settings were read as. */
  get settings(): Gateway['settings'] {
    return this.#gateway.settings;
  }

  /** The name of the model that answers. */
  get model(): string {
    return this.#services.queries.turns.model.name;
  }

  /** How many sessions there are, and how many rooms. */
  get stats(): { sessions: number; rooms: number } {
    return { sessions: this.#sessions.size, rooms: this.#services.rooms.size };
  }

  /**
   * Opens the port; needless beside a server that listens.
   *
   * @returns the address that clients connect to.
   * @throws {SwitchboardError} `SWB_PUBLIC_BIND`, `SWB_PORT_IN_USE`; `SWB_STORE_UNAVAILABLE` where conversations are kept.
   */
  async listen(): Promise<string> {
    const { settings } = this.#gateway;
    const { host = settings.host, insecure = settings.insecure, identify, credentials } = this.#options;
    // A fallback would be everybody's.
    const isChecked = credentials?.probe !== undefined && credentials.fallback === undefined;
    if (!isLoopback(host) && !insecure && identify === undefined && !isChecked) {
      const detail = `${host} can be reached by others, who could then use the model and every server. Check their credentials, listen on 127.0.0.1, or say --insecure`;
      throw new SwitchboardError('SWB_PUBLIC_BIND', { detail });
    }
    await this.#gateway.join();
    await this.#openStore();
    // Operators may have ended it.
    void this.#gateway.closed.then(() => this.close()).catch((error: unknown) => this.#services.fail(error));
    const url = await this.#sockets.listen();
    const address = this.#http?.address();
    if (typeof address === 'object' && address !== null) await this.#gateway.openAdmin({ host, port: address.port });
    return url;
  }

  /** Where operators reach it, and with which token; only where it has a port of its own, and once it listens. */
  get admin(): { url: string; token: string } | undefined {
    const { adminUrl: url, adminToken: token } = this.#gateway;
    return url === undefined || token === undefined ? undefined : { url, token };
  }

  /**
   * Takes messages of a type of the program's own, of clients of either level: one after the other, in the order in which a client sends them,
   * and only from people who have signed in where that is needed.
   *
   * @throws {SwitchboardError} `SWB_CONFIG_INVALID` for a type of the chat itself, or one that has a handler.
   */
  onMessage(type: string, handler: MessageHandler): void {
    this.#own.add(type, handler);
  }

  /** What outlives the process, and what several nodes agree on. */
  async #openStore(): Promise<void> {
    const { retentionHours } = this.#options;
    const { peers } = this.#gateway;
    if (retentionHours === undefined && peers === undefined) return;
    const secret = await this.#gateway.secret('chat');
    const vault = new Vault(secret);
    this.#vault = vault;
    this.#salt = secret.toString('base64');
    this.#owners = peers && roomOwners(peers, vault);
    if (retentionHours === undefined) return;
    this.#retention = new Retention({
      store: this.#gateway.store,
      vault,
      ...(peers !== undefined && { keep: (ttlMs: number) => peers.keep(ttlMs) }),
      keepMs: retentionHours * HOUR_MS,
      limits: this.#limits,
      fail: (error) => void this.#services.fail(error),
    });
  }

  /** Resolves when everything has ended, whoever asked for it. */
  get closed(): Promise<void> {
    return this.#ended;
  }

  /**
   * Lets nobody in any more, lets the model finish what it was asked, leaves rooms and kept conversations to the other nodes; then closes. Each
   * session ends with 1001 as soon as nothing runs in it.
   *
   * @param options.timeoutMs how long to wait, in ms. @default the gateway's option `drainTimeout`, 10 s
   */
  async drain(options: { timeoutMs?: number } = {}): Promise<void> {
    await this.#gateway.drain(options);
    await this.close();
  }

  /** Ends every session at once, and every server that was started for one. Idempotent. */
  close(): Promise<void> {
    this.#closing ??= this.#end().finally(() => this.#onClosed());
    return this.#closing;
  }

  async #end(): Promise<void> {
    clearInterval(this.#sweeper);
    this.#services.rooms.close();
    for (const session of this.#sessions.values()) session.end('the chat is shutting down', 'goingAway');
    if (!this.#hasLeft) await this.#retention?.flush();
    this.#retention?.close();
    await this.#sockets.close();
    const http = this.#http;
    if (http?.listening === true) {
      await new Promise<void>((resolve) => {
        http.close(() => resolve());
        http.closeAllConnections();
      });
    }
    await this.#gateway.close();
  }

  get #snapshot(): ChatSnapshot {
    const connected = [...this.#sessions.values()].filter(({ isConnected }) => isConnected).length;
    return { connected, away: this.#sessions.size - connected, rooms: this.#services.rooms.size };
  }

  #createServer(answer: RequestListener): Server {
    return createServer((request, response) => {
      if (!this.#gateway.serveOperators(request, response)) answer(request, response);
    });
  }

  #kick(id: string, reason: string): boolean {
    const session = this.#sessions.get(id);
    session?.send({ type: 'info', message: `An operator has ended this session: ${reason}`, event: 'goodbye' });
    session?.end(reason, 'policy');
    return session !== undefined;
  }

  #opened(client: WebSocketClient): void {
    if (this.#departure.isUnderWay) {
      client.close('goingAway', SHUTTING_DOWN);
      return;
    }
    const outlet = new ClientSocket(client, organizationOf(client.authInfo), this.#gateway.peers);
    this.#clients.set(client.id, outlet);
    this.#begin({ outlet, isV2: client.protocol === CHAT_V2 }).confirmConnection();
  }

  #begin(options: Omit<SessionOptions, 'onEnd'>): Session {
    this.#makeRoom();
    const onEnd = (ended: Session): void => {
      if (this.#sessions.get(ended.id) === ended) this.#sessions.delete(ended.id);
      this.#departure.note(ended);
    };
    const session = new Session(this.#services, { ...options, onEnd });
    this.#sessions.set(session.id, session);
    this.#services.onEvent({ type: 'session.opened', session: session.id, principal: session.principal });
    return session;
  }

  /** Those who are away wait for their clients, but not more of them than may be connected. */
  #makeRoom(): void {
    const away = [...this.#sessions.values()].filter(({ isConnected }) => !isConnected);
    if (away.length >= this.#limits.maxConnections) firstToEnd(away)?.end('too many clients are away');
  }

  #closed(client: WebSocketClient): void {
    this.#clients.get(client.id)?.gone();
    this.#clients.delete(client.id);
  }

  async #resume(from: Session, message: Resume): Promise<void> {
    const { session_id: id, after } = message;
    const there = this.#sessions.get(id);
    if (there === undefined && (await this.#resumeElsewhere(from, message))) return;
    if (!from.isConnected) return;
    if (there === undefined && this.#departure.isUnderWay) throw new ChatFailure('unavailable', SHUTTING_DOWN);
    const kept =
      there === undefined ? await this.#retention?.take(message.resume_token, id, from.principal) : undefined;
    const isThere = there !== undefined && there !== from && there.isResumedBy(message, from.principal);
    if (!isThere && kept === undefined) {
      throw new ChatFailure('not_found', 'There is no such session any more; go on with this one.');
    }
    const outlet = from.handOver();
    if (outlet === undefined) {
      if (kept !== undefined) await this.#retention?.giveBack(message.resume_token, kept);
      return;
    }
    const session = isThere ? there : this.#begin({ outlet, isV2: true, ...(kept !== undefined && { kept }) });
    outlet.session = session;
    if (kept?.room !== undefined) await session.rejoin(kept.room, outlet);
    else session.resumed(outlet, after);
  }

  /** Looks for a session at the node that its token names, for as long as that may be there. @returns whether it goes on there. */
  async #resumeElsewhere(from: Session, message: Resume): Promise<boolean> {
    const { peers } = this.#gateway;
    const { session_id, resume_token, after } = message;
    const [node = '', secret] = resume_token.split('.');
    if (peers === undefined || secret === undefined || node === peers.id) return false;
    const returning: Returning = { kind: 'resume', session_id, resume_token, after };
    const until = performance.now() + PATIENCE_MS;
    try {
      while (await peers.has(node)) {
        if (await from.goTo(node, returning)) return true;
        if (performance.now() > until) throw new ChatFailure('unavailable', 'The node of the session does not answer.');
        await pause(POLL_MS);
      }
    } catch (error) {
      if (!(error instanceof ChatFailure && error.code === 'not_found')) throw error;
    }
    return false;
  }

  /** The gateway ends, and waits for this. */
  async #leave(timeoutMs: number): Promise<void> {
    // Their sessions stay where they are.
    for (const client of this.#clients.values()) if (client.isElsewhere) client.close('goingAway', SHUTTING_DOWN);
    await this.#departure.begin(timeoutMs);
    await this.#retention?.flush();
    this.#hasLeft = true;
  }

  /** Other nodes may have what was here. */
  #giveUp(reason: string): void {
    this.#services.rooms.giveUp(reason);
    for (const session of this.#sessions.values()) session.end(reason, 'goingAway');
  }

  #sweep(): void {
    this.#retention?.refresh();
    const oldest = Date.now() - this.#limits.idleTimeoutMs;
    for (const session of this.#sessions.values()) {
      if (session.isBusy || session.lastActivity > oldest) continue;
      const minutes = Math.round(this.#limits.idleTimeoutMs / MINUTE_MS);
      session.send({ type: 'info', message: `Nothing was said for ${minutes} minutes; goodbye.`, event: 'idle' });
      session.end('nothing was said for the idle time', 'idle');
    }
  }

  #build(limits: ChatLimits, servers: readonly string[]): SessionServices {
    const options = this.#options;
    const { mention = 'assistant', credentials, model = new OfflineModel() } = options;
    const { fallback } = credentials ?? {};
    const queries = new KeyedTokenBucket({ amount: limits.queriesPerMinute, perMs: MINUTE_MS });
    const tokens = new KeyedTokenBucket({ amount: limits.tokensPerHour, perMs: HOUR_MS });
    const called = new RegExp(`(^|[^\\w@])@${mention.replaceAll(/[^\w-]/g, '\\$&')}(?![\\w-])`, 'i');
    const onEvent = (event: ChatEvent): void => {
      this.#metrics.onEvent(event);
      this.#gateway.showEvent({ ...event, type: `chat.${event.type}` });
      options.onEvent?.(event);
    };
    const fail = (error: unknown): string => {
      const reference = randomUUID();
      onEvent({ type: 'failed', reference, error });
      return reference;
    };
    const use = credentials ?? {};
    return {
      limits,
      own: this.#own,
      servers,
      signIn: new SignIn({
        isNeeded: credentials !== undefined,
        fallback: fallback === undefined ? undefined : new Credentials(fallback.api_key, fallback.org_id),
        isProving: use.probe !== undefined,
        attempts: new KeyedTokenBucket({ amount: limits.authsPerMinute, perMs: MINUTE_MS }),
        check: (shown) => checkCredentials(shown, use, servers, this.#gateway),
        salt: () => this.#salt,
      }),
      unasked: unaskedOf(options.approvals),
      rooms: new Rooms({ ...limits, mention, retention: () => this.#retention, owners: () => this.#owners }),
      retention: () => this.#retention,
      isLeaving: () => this.#departure.isUnderWay,
      node: () => this.#gateway.peers?.id ?? '',
      sealCredentials: (shown, session) => this.#vault!.seal(shown.reveal(), session),
      queries: {
        mention,
        maxWaiting: limits.maxWaiting,
        turns: {
          model,
          system: options.system ?? SYSTEM,
          approvals: whenOf(options.approvals),
          questionTimeoutMs: limits.questionTimeoutMs,
          maxSteps: limits.maxSteps,
          maxCallsAtOnce: limits.maxCallsAtOnce,
          maxTools: model.takesEveryTool === true ? Infinity : limits.maxTools,
          maxContextTokens: limits.maxContextTokens,
          maxResultCharacters: limits.maxResultCharacters,
          turnLimit: new KeyedSemaphore(limits.maxTurns),
          onUsage: (account, usage) => tokens.spend(account, costOf(usage)),
          onUnanswered: (account) => queries.refund(account),
          onFailure: fail,
          onEnd: (turn, stopped, usage, ms) =>
            onEvent({ type: 'turn', session: turn.asker.id, turn: turn.id, stopped, usage, ms }),
        },
        spend(account) {
          const wait = queries.wait(account);
          if (wait > 0) {
            const detail = `${limits.queriesPerMinute} queries a minute, the limit; try again in ${seconds(wait)} s`;
            throw new ChatFailure('rate_limited', detail);
          }
          const longer = tokens.wait(account);
          if (longer > 0) {
            const detail = `${limits.tokensPerHour} tokens an hour, the limit; try again in ${seconds(longer)} s`;
            throw new ChatFailure('token_limit', detail);
          }
          queries.spend(account);
        },
        isCalled: (text) => called.test(text),
      },
      openToolbox: (of) =>
        new Toolbox({ ...of, gateway: this.#gateway, servers, use, silenceMs: limits.toolSilenceMs }),
      resume: (session, message) => this.#resume(session, message).catch(toFailure),
      fail,
      onEvent,
    };
  }
}

/** What `identify` gave. */
const organizationOf = (known: Partial<ChatIdentity> | undefined): string | undefined => known?.organization;

/** What a provider had kept costs about a tenth of what it had not. */
const costOf = ({ input_tokens: input, output_tokens: output, cached_tokens: cached = 0 }: Usage): number =>
  Math.ceil(input - cached * 0.9 + output);

/** @throws {ChatFailure} `unavailable` for what the store or the other nodes cannot do just now. */
function toFailure(error: unknown): never {
  if (!(error instanceof SwitchboardError)) throw error;
  throw new ChatFailure('unavailable', 'The session cannot be reached just now; try again in a moment.');
}

const seconds = (ms: number): number => Math.ceil(ms / 1000);
