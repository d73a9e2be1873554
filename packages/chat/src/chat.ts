/** A chat: sockets, sessions, rooms, a model, and a gateway to the servers. */
import { createServer } from 'node:http';
import type { RequestListener, Server } from 'node:http';
import { randomUUID } from 'node:crypto';

import { SwitchboardError, addressBlock, createGateway, isLoopback } from 'mcp-switchboard';
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
import { answerBrowsers } from './pages.ts';
import { Credentials } from './people/credentials.ts';
import { KeyedSemaphore } from './people/keyed-semaphore.ts';
import { KeyedTokenBucket } from './people/keyed-token-bucket.ts';
import { probeOverHttp } from './people/probe.ts';
import type { Verdict } from './people/probe.ts';
import type { Resume } from './protocol/client-messages.ts';
import type { Usage } from './protocol/history.ts';
import { OwnMessages } from './protocol/own-messages.ts';
import type { MessageHandler } from './protocol/own-messages.ts';
import type { ServerMessage } from './protocol/server-messages.ts';
import { CHAT_V2 } from './protocol/subprotocol.ts';
import { Rooms } from './rooms.ts';
import type { Outlet } from './session/link.ts';
import { Session } from './session/session.ts';
import type { SessionOptions, SessionServices } from './session/session.ts';
import { SignIn } from './session/sign-in.ts';
import { Toolbox } from './tools/toolbox.ts';

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
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

/** People and a model in conversation over WebSocket. {@link createChat} makes one; end it with {@link close}. */
export class Chat {
  readonly #options: ChatOptions;
  readonly #gateway: Gateway;
  readonly #services: SessionServices;
  readonly #limits: ChatLimits;
  readonly #sockets: WebSocketServerTransport;
  readonly #http: Server | undefined;
  readonly #sessions: Map<string, Session> = new Map();
  /** Whose socket it is now. */
  readonly #bySocket: Map<string, { session: Session; outlet: Outlet }> = new Map();
  readonly #own = new OwnMessages();
  readonly #metrics = new ChatMetrics();
  readonly #sweeper: NodeJS.Timeout;
  #retention: Retention | undefined;
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
      },
    });
    this.#services = this.#build(limits, servers);
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
      onText: (text, client) => this.#bySocket.get(client.id)?.session.receive(text),
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
    await this.#openRetention();
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

  async #openRetention(): Promise<void> {
    const { retentionHours } = this.#options;
    if (retentionHours === undefined) return;
    const secret = await this.#gateway.secret('chat');
    this.#salt = secret.toString('base64');
    this.#retention = new Retention({
      store: this.#gateway.store,
      vault: new Vault(secret),
      keepMs: retentionHours * HOUR_MS,
      limits: this.#limits,
      fail: (error) => void this.#services.fail(error),
    });
  }

  /** Ends every session, and every server that was started for one. Idempotent. */
  async close(): Promise<void> {
    clearInterval(this.#sweeper);
    this.#services.rooms.close();
    for (const session of this.#sessions.values()) session.end('the chat is shutting down', 'goingAway');
    await this.#retention?.flush();
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
    const outlet: Outlet = {
      address: addressBlock(client.address),
      principal: client.principal,
      organization: organizationOf(client.authInfo),
      peer: { address: client.address, userAgent: client.userAgent },
      send: (message: ServerMessage) => client.send({ ...message }),
      close: (why, reason) => client.close(why, reason),
    };
    const session = this.#begin({ outlet, isV2: client.protocol === CHAT_V2 });
    this.#bySocket.set(client.id, { session, outlet });
    session.confirmConnection();
  }

  #begin(options: Omit<SessionOptions, 'onEnd'>): Session {
    this.#makeRoom();
    const onEnd = ({ id }: Session): void => void this.#sessions.delete(id);
    const session = new Session(this.#services, { ...options, onEnd });
    this.#sessions.set(session.id, session);
    this.#services.onEvent({ type: 'session.opened', session: session.id, principal: session.principal });
    return session;
  }

  /**
   * Those who are away wait for their clients, but not more of them than may be connected. Room is made by sessions in which nothing would
   * be lost, then by the account that has most of them: who opens and leaves many connections loses sessions of its own.
   */
  #makeRoom(): void {
    const away = [...this.#sessions.values()].filter(({ isConnected }) => !isConnected);
    if (away.length < this.#limits.maxConnections) return;
    const counts = new Map<string, number>();
    for (const { account } of away) counts.set(account, (counts.get(account) ?? 0) + 1);
    const countOf = ({ account }: Session): number => counts.get(account) ?? 0;
    const [first] = away.toSorted(
      (one, other) =>
        Number(other.isEmpty) - Number(one.isEmpty) ||
        countOf(other) - countOf(one) ||
        one.lastActivity - other.lastActivity,
    );
    first?.end('too many clients are away');
  }

  #closed(client: WebSocketClient): void {
    const found = this.#bySocket.get(client.id);
    this.#bySocket.delete(client.id);
    found?.session.disconnected(found.outlet);
  }

  async #resume(from: Session, message: Resume): Promise<void> {
    const { session_id: id, after } = message;
    const there = this.#sessions.get(id);
    const kept =
      there === undefined ? await this.#retention?.take(message.resume_token, id, from.principal) : undefined;
    const isThere = there !== undefined && there !== from && there.isResumedBy(message, from.principal);
    if (!isThere && kept === undefined) {
      throw new ChatFailure('not_found', 'There is no such session any more; go on with this one.');
    }
    const outlet = from.handOver();
    if (outlet === undefined) return;
    const session = isThere ? there : this.#begin({ outlet, isV2: true, ...(kept !== undefined && { kept }) });
    for (const socket of this.#bySocket.values()) if (socket.outlet === outlet) socket.session = session;
    if (kept?.room !== undefined) await session.rejoin(kept.room);
    session.resumed(outlet, after);
  }

  #sweep(): void {
    this.#services.rooms.refresh();
    for (const session of this.#sessions.values()) session.refresh();
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
        check: (shown) => this.#check(shown, servers),
        salt: () => this.#salt,
      }),
      unasked: unaskedOf(options.approvals),
      rooms: new Rooms({ ...limits, mention, retention: () => this.#retention }),
      retention: () => this.#retention,
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
      resume: (session, message) => this.#resume(session, message),
      fail,
      onEvent,
    };
  }

  async #check(shown: Credentials, servers: readonly string[]): Promise<Verdict> {
    const use = this.#options.credentials ?? {};
    const { probe } = use;
    if (probe === undefined) return 'right';
    if ('url' in probe) return probeOverHttp(probe, shown);
    const toolbox = new Toolbox({
      gateway: this.#gateway,
      servers: servers.filter((name) => name === probe.server),
      principal: 'anonymous',
      credentials: shown,
      use,
      silenceMs: 10_000,
      onChanged: () => {},
      onQuestion: async () => ({ action: 'cancel' }),
    });
    try {
      const tools = await toolbox.tools();
      if (tools.length === 0) return 'unknown';
      const tool = tools.find(({ name }) => name === probe.tool);
      if (tool === undefined) return 'unknown';
      const options = { signal: AbortSignal.timeout(30_000), onProgress: () => {} };
      const { isError } = await toolbox.call(tool, probe.arguments ?? {}, options);
      return isError ? 'wrong' : 'right';
    } catch {
      return 'unknown';
    } finally {
      await toolbox.close();
    }
  }
}

/** What `identify` gave. */
const organizationOf = (known: Partial<ChatIdentity> | undefined): string | undefined => known?.organization;

/** What a provider had kept costs about a tenth of what it had not. */
const costOf = ({ input_tokens: input, output_tokens: output, cached_tokens: cached = 0 }: Usage): number =>
  Math.ceil(input - cached * 0.9 + output);

const seconds = (ms: number): number => Math.ceil(ms / 1000);
