/**
 * One person's session: what the client says goes in, what it shall hear comes out. It has the person's credentials, tools and open
 * questions, and a conversation of its own; with `chat.v2` it outlives its socket for a while.
 */
import { randomBytes, randomUUID } from 'node:crypto';

import type { ElicitRequest, ElicitResult } from '@modelcontextprotocol/client';
import type { SessionFacts } from 'mcp-switchboard';

import type { ChatServices } from './chat.ts';
import { estimateTokens } from './conversation/context.ts';
import { Conversation } from './conversation/conversation.ts';
import { exportConversation } from './conversation/export.ts';
import { Turn } from './conversation/turn.ts';
import type { Asker } from './conversation/turn.ts';
import { ChatFailure } from './failure.ts';
import { Approvals } from './people/approvals.ts';
import type { Consent, OfferedCall } from './people/approvals.ts';
import { Credentials } from './people/credentials.ts';
import { elicit } from './people/elicitation.ts';
import { Person } from './people/person.ts';
import { Questions } from './people/questions.ts';
import type { Answer, Approval, Auth, Cancel, ClientMessage, Join, Query } from './protocol/client-messages.ts';
import type { HistoryRequest, Resume } from './protocol/client-messages.ts';
import type { Entry } from './protocol/history.ts';
import { basic } from './protocol/basic.ts';
import type { OwnMessage } from './protocol/own-messages.ts';
import { readMessage } from './protocol/read.ts';
import { CHAT_V2 } from './protocol/subprotocol.ts';
import type { ServerMessage } from './protocol/server-messages.ts';
import type { Guest, Room } from './rooms.ts';
import { Toolbox } from './tools/toolbox.ts';

/** One socket of a client. */
export interface Outlet {
  /** Where it comes from, as its network is counted. */
  readonly address: string;
  readonly principal: string;
  /** The organization that the host knows the principal to belong to. */
  readonly organization: string | undefined;
  /** For operators: the very address, and what the client calls itself. */
  readonly peer: { address: string; userAgent: string };
  send(message: ServerMessage): void;
  close(why: CloseReason, reason: string): void;
}

type CloseReason = 'normal' | 'idle' | 'goingAway' | 'policy';

const NOT_AUTHENTICATED = 'Please authenticate first by sending your API key and org ID';

export class Session implements Asker, Guest {
  readonly id: string;
  readonly isV2: boolean;
  readonly principal: string;
  lastActivity: number = Date.now();
  readonly #chat: ChatServices;
  readonly #questions: Questions;
  readonly #approvals: Approvals;
  readonly #onEnd: (session: Session) => void;
  #outlet: Outlet | undefined;
  #peer: Outlet['peer'];
  readonly #startedAt: number = Date.now();
  #token = '';
  #own: Conversation;
  #room: Room | undefined;
  readonly #person: Person;
  #toolbox: Toolbox | undefined;
  /** What has to be done in its order. */
  #line: Promise<void> = Promise.resolve();
  #waiting = 0;
  #isEnded = false;
  #heardBefore = false;
  #awayTimer: NodeJS.Timeout | undefined;

  constructor(
    chat: ChatServices,
    outlet: Outlet,
    isV2: boolean,
    onEnd: (session: Session) => void,
    kept?: { sessionId: string; entries: readonly Entry[] },
  ) {
    this.#chat = chat;
    this.#onEnd = onEnd;
    this.#outlet = outlet;
    this.isV2 = isV2;
    this.principal = outlet.principal;
    this.#peer = outlet.peer;
    this.id = kept?.sessionId ?? randomUUID();
    const { principal, organization: claimed, address } = outlet;
    const { mustAuthenticate, fallback } = chat;
    this.#person = new Person({ principal, claimed, address, session: this.id, mustAuthenticate, fallback });
    this.#questions = new Questions((message) => this.tell(message), chat.limits.questionTimeoutMs);
    this.#approvals = new Approvals({ questions: this.#questions, inWords: !isV2, unasked: chat.unasked });
    this.#own = new Conversation({
      maxContextTokens: chat.limits.maxContextTokens,
      ...(isV2 && chat.archives !== undefined && { archive: chat.archives.open(this.id) }),
      ...(kept !== undefined && { entries: kept.entries }),
    });
    this.#own.listeners.add(this);
  }

  get name(): string {
    return this.#room?.people.get(this)?.name ?? 'you';
  }

  get key(): string {
    return this.#person.key;
  }

  get account(): string {
    return this.#person.account;
  }

  /** Whether nothing would be lost with it. */
  get isEmpty(): boolean {
    const isUnused = this.#own.entries.length === 0 && this.#person.shown === undefined;
    return isUnused && this.#room === undefined && !this.isBusy;
  }

  get isConnected(): boolean {
    return this.#outlet !== undefined;
  }

  /** Whether it may not be ended for being quiet. */
  get isBusy(): boolean {
    return this.#own.turns.length > 0 || this.#conversation.turns.some(({ asker }) => asker === this);
  }

  /** As operators see it. */
  get facts(): SessionFacts {
    return {
      id: this.id,
      state: this.isConnected ? 'ready' : 'away',
      principal: this.principal,
      upstream: this.#chat.servers.join(','),
      transport: 'websocket',
      ...this.#peer,
      version: this.isV2 ? CHAT_V2 : 'chat',
      startedAt: this.#startedAt,
      lastActivity: this.lastActivity,
      inFlight: this.#conversation.turns.filter(({ asker }) => asker === this).length,
      groups: [],
      metadata: {},
    };
  }

  get toolbox(): Toolbox {
    return (this.#toolbox ??= this.#openToolbox());
  }

  get #conversation(): Conversation {
    return this.#room?.conversation ?? this.#own;
  }

  /** The first words on a connection. */
  greet(): void {
    this.#token = newToken();
    this.#rememberToken();
    const message = this.#person.isAuthenticated
      ? 'Connected. Send a query.'
      : 'Connected. Please authenticate by sending your API key and organization ID.';
    this.tell({
      type: 'connection_established',
      session_id: this.id,
      message,
      authenticated: this.#person.isAuthenticated,
      protocol: 'chat.v2',
      resume_token: this.#token,
      model: this.#chat.turns.model.name,
      mention: this.#chat.mention,
    });
  }

  tell(message: ServerMessage): void {
    const said = this.isV2 ? message : basic(message);
    if (said !== undefined) this.#outlet?.send(said);
  }

  /** Takes what the client has sent. Never throws. */
  receive(text: string): void {
    if (this.#isEnded) return;
    let message: ReturnType<typeof readMessage>;
    try {
      message = readMessage(text, this.isV2, (type) => this.#chat.own.handlerOf(type) !== undefined);
    } catch (error) {
      this.#refuse(error);
      return;
    }
    const isPing = 'type' in message && message.type === 'ping';
    if (!isPing) this.lastActivity = Date.now();
    const isFirst = !this.#heardBefore;
    this.#heardBefore = true;
    if ('own' in message) {
      const { own } = message;
      this.#inLine(() => this.#takeOwn(own));
      return;
    }
    if (message.type === 'resume') {
      // Only a session that has nothing to lose can become another.
      if (isFirst) this.#inLine(() => this.#chat.resume(this, message));
      else this.#refuse(new ChatFailure('invalid_message', 'resume must be the first message'));
      return;
    }
    try {
      if (this.#takeAtOnce(message) || this.#takeAsAnswer(message)) return;
      this.#inLine(() => this.#takeInTurn(message));
    } catch (error) {
      this.#refuse(error);
    }
  }

  /** The socket is gone. */
  disconnected(outlet: Outlet): void {
    if (this.#outlet !== outlet) return;
    this.#outlet = undefined;
    if (!this.isV2) {
      this.end('the client is gone');
      return;
    }
    if (this.#room !== undefined) this.#chat.rooms.tellPresence(this.#room);
    this.#awayTimer = setTimeout(() => this.end('the client did not come back'), this.#chat.limits.resumeWindowMs);
  }

  /** Hands the socket of a session that is given up over to the one that goes on. */
  handOver(): Outlet | undefined {
    const outlet = this.#outlet;
    this.#outlet = undefined;
    this.end('it goes on as another session');
    return outlet;
  }

  /** Whether this is the token of the last greeting. */
  isResumedBy({ resume_token }: Resume, principal: string): boolean {
    return this.isV2 && !this.#isEnded && resume_token === this.#token && principal === this.principal;
  }

  /** Goes on with another socket. */
  resumed(outlet: Outlet, after: number): void {
    clearTimeout(this.#awayTimer);
    const old = this.#outlet;
    this.#outlet = outlet;
    this.#person.address = outlet.address;
    this.#peer = outlet.peer;
    if (old !== outlet) old?.close('normal', 'the session goes on with another connection');
    this.lastActivity = Date.now();
    this.#heardBefore = true;
    void this.#chat.archives?.forget(this.#token);
    this.#token = newToken();
    this.#rememberToken();
    this.tell({
      type: 'resumed',
      session_id: this.id,
      message: 'Welcome back.',
      authenticated: this.#person.isAuthenticated,
      resume_token: this.#token,
      ...(this.#room !== undefined && { room: this.#room.name }),
    });
    this.#catchUp(after);
    for (const message of this.#questions.open) this.tell(message);
    if (this.#room !== undefined) this.#chat.rooms.tellPresence(this.#room);
  }

  /** Forgets everything of this person. Idempotent. */
  end(reason: string, why?: CloseReason): void {
    if (this.#isEnded) return;
    this.#isEnded = true;
    clearTimeout(this.#awayTimer);
    this.#cancelTurns();
    this.#questions.cancelAll();
    if (this.#room !== undefined) this.#chat.rooms.leave(this, this.#room);
    this.#closeToolbox();
    this.#person.shown = undefined;
    if (why !== undefined) this.#outlet?.close(why, reason);
    this.#outlet = undefined;
    this.#chat.onEvent({ type: 'session.closed', session: this.id, reason });
    this.#onEnd(this);
  }

  /** Whether a tool may run. */
  approve(call: OfferedCall, signal: AbortSignal): Promise<Consent> {
    return this.#approvals.ask(call, signal);
  }

  // -- what clients send

  /** What need not wait for anything. @returns whether it was that. @throws {ChatFailure} */
  #takeAtOnce(message: ClientMessage): boolean {
    switch (message.type) {
      case 'ping':
        this.tell({ type: 'pong' });
        return true;
      case 'cancel':
        this.#cancel(message);
        return true;
      case 'answer':
        this.#answer(message);
        return true;
      case 'approval':
        this.#approval(message);
        return true;
      case 'typing':
        this.#typing(message.active);
        return true;
      default:
        return false;
    }
  }

  /** @returns whether a query was an answer to a question in words. */
  #takeAsAnswer(message: ClientMessage): boolean {
    const taken = message.type === 'query' ? this.#approvals.takeText(message.content) : undefined;
    if (taken === 'open') this.tell({ type: 'info', message: 'This waits until you have answered yes or no.' });
    return taken === 'answered';
  }

  /** A message of the program's own. */
  async #takeOwn(message: OwnMessage): Promise<void> {
    if (!this.#person.isAuthenticated) throw new ChatFailure('not_authenticated', NOT_AUTHENTICATED);
    const send = (own: OwnMessage): void => this.#outlet?.send(own as unknown as ServerMessage);
    const { id: session, principal } = this;
    const { organization } = this.#person;
    const answer: unknown = await this.#chat.own.handlerOf(message.type)?.(message, {
      session,
      principal,
      organization,
      send,
    });
    if (typeof answer === 'object' && answer !== null && 'type' in answer) send(answer as OwnMessage);
  }

  async #takeInTurn(message: ClientMessage): Promise<void> {
    switch (message.type) {
      case 'auth':
        return this.#authenticate(message);
      case 'query':
        return this.#query(message);
      case 'logout':
        return this.#logout();
      case 'join':
        return this.#join(message);
      case 'leave':
        return this.#leave();
      case 'history':
        return this.#history(message);
      case 'tools':
        return this.#tellTools();
      case 'export':
        return this.tell(exportConversation(this.#conversation.entries, message.format, new Date()));
    }
  }

  /** One thing after the other, and not too many waiting. */
  #inLine(run: () => void | Promise<void>): void {
    const { maxWaiting } = this.#chat.limits;
    if (this.#waiting > maxWaiting) {
      this.#refuse(new ChatFailure('too_many_turns', `${maxWaiting} messages wait already; wait for an answer first`));
      return;
    }
    this.#waiting++;
    this.#line = this.#line
      .then(() => (this.#isEnded ? undefined : run()))
      .catch((error: unknown) => this.#refuse(error))
      .finally(() => this.#waiting--);
  }

  async #authenticate({ api_key: apiKey, org_id: orgId }: Auth): Promise<void> {
    const { attempts } = this.#chat;
    const refuse = (message: string): void => this.tell({ type: 'auth_error', message });
    if (!this.#chat.mustAuthenticate) {
      return refuse('No credentials are needed here, and yours were not kept or used. Send a query.');
    }
    if (apiKey.trim() === '' || orgId.trim() === '') return refuse('Both API key and org ID are required');
    const address = this.#outlet?.address ?? '';
    if (attempts.wait(address) > 0) return refuse('Too many attempts; try again in a minute.');
    attempts.spend(address);
    const credentials = new Credentials(apiKey.trim(), orgId.trim());
    const verdict = await this.#chat.check(credentials);
    this.#chat.onEvent({ type: 'auth', session: this.id, verdict });
    if (this.#isEnded) return undefined;
    if (verdict === 'wrong') return refuse('Authentication failed: the API key or the organization ID is not right.');
    if (verdict === 'unknown')
      return refuse('Authentication error: the credentials could not be checked; try again later.');
    const isOther =
      this.#person.credentials !== undefined && this.#person.credentials.organization !== credentials.organization;
    await this.#forgetCredentials(isOther);
    credentials.isProven = this.#chat.use.probe !== undefined;
    this.#person.shown = credentials;
    return this.tell({
      type: 'auth_success',
      message: 'Authentication successful. You can now send queries.',
      authenticated: true,
    });
  }

  async #logout(): Promise<void> {
    await this.#forgetCredentials(true);
    const message = 'Logged out; your credentials are forgotten.';
    this.tell({ type: 'logged_out', message, authenticated: this.#person.isAuthenticated });
  }

  /** @param all whether the conversation goes too, which another organization must not see. */
  async #forgetCredentials(all: boolean): Promise<void> {
    this.#questions.cancelAll();
    await this.#conversation.cancel(({ asker }) => asker === this);
    if (all && this.#room !== undefined) this.#leave();
    if (all) this.#own.clear();
    this.#closeToolbox();
    this.#person.shown = undefined;
  }

  async #query({ content, id }: Query): Promise<void> {
    const text = this.#person.mask(content);
    const command = text.trim().toLowerCase();
    if (command === 'clear') return this.#clear();
    if (command === 'quit') {
      this.tell({ type: 'info', message: 'Goodbye!', event: 'goodbye' });
      return this.end('the client said quit', 'normal');
    }
    if (command === '') return this.tell({ type: 'info', message: 'Please provide a query', event: 'empty' });
    if (!this.#person.isAuthenticated) return this.#refuse(new ChatFailure('not_authenticated', NOT_AUTHENTICATED), id);
    return this.#ask(text, id);
  }

  async #ask(text: string, id: string | undefined): Promise<void> {
    const conversation = this.#conversation;
    const { maxWaiting } = this.#chat.limits;
    const mine = conversation.turns.filter(({ asker }) => asker === this).length;
    if (mine > maxWaiting) {
      return this.#refuse(new ChatFailure('too_many_turns', `${maxWaiting} of your queries wait already`), id);
    }
    const tokens = estimateTokens(text);
    if (tokens > conversation.maxTokens) {
      const detail = `Your message has about ${tokens} tokens, and the model is given ${conversation.maxTokens} here; send a shorter one.`;
      return this.#refuse(new ChatFailure('too_long', detail), id);
    }
    try {
      this.#chat.spendQuery(this.account);
    } catch (error) {
      return this.#refuse(error, id);
    }
    const entry = conversation.add({ kind: 'person', from: this.name, text, ...(id !== undefined && { id }) });
    conversation.tell({ type: 'said', entry });
    if (this.#room !== undefined && this.#room.people.size > 1 && !this.#chat.isCalled(text)) {
      conversation.remember({ role: 'user', text, from: this.name });
      const message = `The others have it. Say @${this.#chat.mention} for an answer of the model.`;
      return this.tell({ type: 'info', message, event: 'heard' });
    }
    const query = { text, ...(id !== undefined && { id }) };
    const ended = conversation.enqueue(new Turn(conversation, this, query, this.#chat.turns));
    // A simple client cannot tell answers apart, so it gets one before the next query is taken up.
    return this.isV2 ? undefined : ended;
  }

  async #clear(): Promise<void> {
    if (this.#room !== undefined && [...this.#room.people.keys()][0] !== this) {
      throw new ChatFailure('forbidden', 'Only whoever has been in the room longest can clear it.');
    }
    const conversation = this.#conversation;
    await conversation.cancel(() => true);
    await conversation.idle;
    conversation.clear();
    conversation.tell({ type: 'info', message: 'Conversation history cleared.', event: 'cleared' });
  }

  #cancel({ turn: id }: Cancel): void {
    const mine = this.#conversation.turns.filter((turn) => turn.asker === this && (id === undefined || turn.id === id));
    if (id !== undefined && mine.length === 0) {
      throw new ChatFailure('not_found', `No turn of yours has the id ${JSON.stringify(id)}; it may have ended.`);
    }
    for (const turn of mine) turn.cancel();
  }

  #answer({ question, action, content }: Answer): void {
    const result = { action, ...(action === 'accept' && content !== undefined && { content }) };
    if (!this.#questions.answer('question', question, result)) throw notOpen('question', question);
  }

  #approval({ approval, approved }: Approval): void {
    if (!this.#questions.answer('approval_request', approval, approved)) throw notOpen('approval', approval);
  }

  #typing(active: boolean): void {
    const person = this.#room?.people.get(this);
    if (this.#room === undefined || person === undefined || person.typing === active) return;
    person.typing = active;
    this.#chat.rooms.tellPresence(this.#room);
  }

  #join({ room: name, name: person }: Join): void {
    if (!this.#person.isAuthenticated) throw new ChatFailure('not_authenticated', NOT_AUTHENTICATED);
    if (this.#room !== undefined)
      throw new ChatFailure('invalid_message', `You are in ${this.#room.name}; send leave first.`);
    const room = this.#chat.rooms.join(this, this.#person.organization, person, name);
    this.#cancelTurns();
    this.#own.listeners.delete(this);
    this.#room = room;
    this.tell({ type: 'joined', room: room.name, name: person });
    this.#catchUp(0);
    this.#chat.rooms.tellPresence(room);
  }

  #leave(): void {
    const room = this.#room;
    if (room === undefined) throw new ChatFailure('not_found', 'You are in no room.');
    this.#cancelTurns();
    this.#room = undefined;
    this.#chat.rooms.leave(this, room);
    this.#own.listeners.add(this);
    this.tell({ type: 'left', room: room.name });
    this.#catchUp(0);
  }

  #history({ before = Infinity, limit }: Pick<HistoryRequest, 'before' | 'limit'>): void {
    const page = this.#conversation.page({ before, ...(limit !== undefined && { limit }) });
    this.tell({ type: 'history', ...page });
  }

  async #tellTools(): Promise<void> {
    if (!this.#person.isAuthenticated) throw new ChatFailure('not_authenticated', NOT_AUTHENTICATED);
    this.tell({ type: 'tools', tools: await this.toolbox.summaries() });
  }

  // -- what it is made of

  #openToolbox(): Toolbox {
    const { gateway, servers, use, limits } = this.#chat;
    const toolbox: Toolbox = new Toolbox({
      gateway,
      servers,
      use,
      // Whoever has other credentials is somebody else, also where the host asks nobody for a name.
      principal: this.principal === 'anonymous' ? this.key : this.principal,
      silenceMs: limits.toolSilenceMs,
      ...(this.#person.credentials !== undefined && { credentials: this.#person.credentials }),
      onChanged: () => {
        if (this.isV2 && this.#toolbox === toolbox) this.#tellTools().catch((error: unknown) => this.#refuse(error));
      },
      onQuestion: (server, params, signal) => this.#question(server, params, signal),
    });
    return toolbox;
  }

  async #question(server: string, params: ElicitRequest['params'], signal: AbortSignal): Promise<ElicitResult> {
    if (!this.isV2) return { action: 'cancel' };
    return elicit(this.#questions, { server, params, mask: this.#person.mask }, signal);
  }

  #closeToolbox(): void {
    const toolbox = this.#toolbox;
    this.#toolbox = undefined;
    toolbox?.close().catch((error: unknown) => void this.#chat.fail(error));
  }

  #cancelTurns(): void {
    void this.#conversation.cancel(({ asker }) => asker === this);
  }

  #catchUp(after: number): void {
    const conversation = this.#conversation;
    this.tell({ type: 'history', ...conversation.page({ after }) });
    for (const message of conversation.turns.flatMap((turn) => turn.live)) this.tell(message);
  }

  #rememberToken(): void {
    if (!this.isV2) return;
    this.#chat.archives
      ?.remember(this.#token, this.id, this.principal)
      .catch((error: unknown) => void this.#chat.fail(error));
  }

  #refuse(error: unknown, id?: string): void {
    const known = error instanceof ChatFailure;
    const message = known ? error.message : `Something went wrong here; reference ${this.#chat.fail(error)}.`;
    const code = known ? error.code : 'internal';
    this.tell({ type: 'error', message, code, ...(id !== undefined && { id }) });
  }
}

const newToken = (): string => randomBytes(24).toString('base64url');

const notOpen = (what: string, id: string): ChatFailure =>
  new ChatFailure('not_found', `No ${what} ${JSON.stringify(id)} is open; it may have been answered or timed out.`);
