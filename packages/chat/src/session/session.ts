/**
 * One person's session: it has the person's credentials, tools and open questions, and a conversation of its own. With `chat.v2` it outlives
 * its socket for a while.
 */
import { randomUUID } from 'node:crypto';
import { setTimeout as pause } from 'node:timers/promises';

import type { ElicitRequest, ElicitResult } from '@modelcontextprotocol/client';
import type { SessionFacts } from 'mcp-switchboard';

import { Conversation } from '../conversation/conversation.ts';
import type { Asker } from '../conversation/turn.ts';
import { ChatFailure } from '../failure.ts';
import type { Kept, KeptLog } from '../kept/kept-log.ts';
import type { Membership, SessionRecord } from '../kept/kept-session.ts';
import type { OpenSession, Retention } from '../kept/retention.ts';
import { Again } from '../nodes/again.ts';
import type { Greeting, Moving, Returning } from '../nodes/messages.ts';
import type { ChatLimits } from '../options.ts';
import { Approvals } from '../people/approvals.ts';
import type { Consent, OfferedCall } from '../people/approvals.ts';
import { elicit } from '../people/elicitation.ts';
import type { Credentials } from '../people/credentials.ts';
import { Person } from '../people/person.ts';
import { Questions } from '../people/questions.ts';
import type { Resume } from '../protocol/client-messages.ts';
import type { ServerMessage } from '../protocol/server-messages.ts';
import { CHAT_V2 } from '../protocol/subprotocol.ts';
import { Elsewhere, newRoomName } from '../rooms.ts';
import type { Guest, Rooms } from '../rooms.ts';
import type { Toolbox } from '../tools/toolbox.ts';
import { Commands } from './commands.ts';
import type { CommandServices } from './commands.ts';
import { Inbox } from './inbox.ts';
import { Link } from './link.ts';
import type { CloseReason, Outlet } from './link.ts';
import { PersonalTools } from './personal-tools.ts';
import type { OpenToolbox } from './personal-tools.ts';
import { Place } from './place.ts';
import { Queries } from './queries.ts';
import type { QueryServices } from './queries.ts';

/** What sessions need of the chat that they belong to. */
export interface SessionServices extends CommandServices {
  readonly limits: Pick<ChatLimits, 'maxContextTokens' | 'maxWaiting' | 'questionTimeoutMs' | 'resumeWindowMs'>;
  readonly servers: readonly string[];
  readonly queries: QueryServices;
  readonly rooms: Rooms;
  /** What keeps conversations now. */
  retention(): Retention | undefined;
  /** The id of this node; empty where there is one. */
  node(): string;
  /** Makes of credentials what only the nodes of this chat can read, for one session. */
  sealCredentials(credentials: Credentials, session: string): string;
  /** What becomes of a tool that needs a yes of a client that can be asked only in words. */
  readonly unasked: 'refuse' | 'allow';
  readonly openToolbox: OpenToolbox;
  /** @throws {ChatFailure} `not_found`; the session goes on then. */
  resume(session: Session, message: Resume): Promise<void>;
  /** Notes a fault. @returns a reference for people. */
  fail(error: unknown): string;
}

export interface SessionOptions {
  outlet: Outlet;
  isV2: boolean;
  /** What was kept of it when another process ended. */
  kept?: Kept & SessionRecord & { log: KeptLog };
  /** What it was at another node. */
  moved?: Moving & { shown: Credentials | undefined };
  onEnd(session: Session): void;
}

/** How long it is looked for the node that has a room, and how often: longer than a node that is gone is taken for there. */
const PATIENCE_MS = 10_000;
const POLL_MS = 200;
const UNREACHABLE = 'The room cannot be reached just now; try again in a moment.';

export class Session implements Asker, Guest {
  readonly id: string;
  readonly isV2: boolean;
  readonly principal: string;
  readonly #chat: SessionServices;
  readonly #link: Link;
  readonly #inbox: Inbox;
  readonly #person: Person;
  readonly #place: Place;
  readonly #tools: PersonalTools;
  readonly #commands: Commands;
  readonly #questions: Questions;
  readonly #approvals: Approvals;
  readonly #kept: OpenSession | undefined;
  readonly #onEnd: (session: Session) => void;
  readonly #startedAt: number = Date.now();
  #isEnded = false;
  #left: Promise<void> = Promise.resolve();

  constructor(chat: SessionServices, { outlet, isV2, kept, moved, onEnd }: SessionOptions) {
    const { limits, signIn, own } = chat;
    const { principal, organization: claimed, address } = outlet;
    this.#chat = chat;
    this.#onEnd = onEnd;
    this.isV2 = isV2;
    this.principal = principal;
    this.id = kept?.sessionId ?? moved?.session ?? randomUUID();
    const was = kept ?? moved;
    outlet.session = this;
    const onFailure = (error: unknown): void => void chat.fail(error);
    this.#link = new Link(outlet, {
      isV2,
      onToken: (token) => {
        if (this.#kept !== undefined) this.#kept.session.token = token;
      },
      windowMs: limits.resumeWindowMs,
      node: () => chat.node(),
      onLost: () => this.end('the client did not come back'),
    });
    this.#inbox = new Inbox({
      isV2,
      maxWaiting: limits.maxWaiting,
      isOwn: (type) => own.handlerOf(type) !== undefined,
      atOnce: (message) => this.#commands.atOnce(message),
      inTurn: (message) => this.#commands.inTurn(message),
      own: (message) => this.#commands.own(message),
      resume: (message) => chat.resume(this, message),
      refuse: (error) => this.refuse(error),
    });
    const { isNeeded: mustAuthenticate, fallback } = signIn;
    this.#person = new Person({ principal, claimed, address, session: this.id, mustAuthenticate, fallback });
    this.#person.shown = moved?.shown;
    this.#questions = new Questions((message) => this.send(message), limits.questionTimeoutMs);
    this.#approvals = new Approvals({ questions: this.#questions, inWords: !isV2, unasked: chat.unasked });
    const said = kept?.log ?? moved?.entries;
    if (isV2) this.#kept = chat.retention()?.session(this.id, principal, () => this.account, said);
    const conversation = new Conversation({
      maxContextTokens: limits.maxContextTokens,
      ...(this.#kept !== undefined && { archive: this.#kept.archive }),
      ...(was !== undefined && { entries: was.entries, seq: was.seq }),
    });
    this.#place = new Place(this, conversation, chat.rooms);
    this.#tools = new PersonalTools({
      open: (of) => chat.openToolbox(of),
      // Whoever has other credentials is somebody else, also where the host asks nobody for a name.
      who: () => ({
        principal: principal === 'anonymous' ? this.key : principal,
        credentials: this.#person.credentials,
      }),
      onChanged: () => {
        if (isV2) this.#commands.sendTools().catch((error: unknown) => this.refuse(error));
      },
      onQuestion: (server, params, signal) => this.#question(server, params, signal),
      onFailure,
    });
    this.#commands = new Commands(chat, this, {
      link: this.#link,
      person: this.#person,
      place: this.#place,
      queries: new Queries(chat.queries, this, this.#place),
      questions: this.#questions,
      approvals: this.#approvals,
      tools: this.#tools,
    });
  }

  get name(): string {
    return this.#place.name;
  }

  get key(): string {
    return this.#person.key;
  }

  get account(): string {
    return this.#person.account;
  }

  get lastActivity(): number {
    return this.#inbox.lastActivity;
  }

  /** Whether nothing would be lost with it. */
  get isEmpty(): boolean {
    return this.#place.isEmpty && this.#person.shown === undefined && !this.isBusy;
  }

  get isEnded(): boolean {
    return this.#isEnded;
  }

  get isConnected(): boolean {
    return this.#link.isConnected;
  }

  get isInRoom(): boolean {
    return this.#place.room !== undefined;
  }

  /** Resolves when all that the client has said is taken up, and nothing runs in the own conversation. Never rejects. */
  get idle(): Promise<void> {
    return this.#inbox.idle.then(() => this.#place.own.idle);
  }

  /** Once it has ended: resolves when what was to be kept is written, or cannot be. Never rejects. */
  get left(): Promise<void> {
    return this.#left;
  }

  /** Whether it may not be ended for being quiet. */
  get isBusy(): boolean {
    return this.#place.isBusy;
  }

  /** As operators see it. */
  get facts(): SessionFacts {
    return {
      id: this.id,
      state: this.isConnected ? 'ready' : 'away',
      principal: this.principal,
      upstream: this.#chat.servers.join(','),
      transport: 'websocket',
      ...this.#link.peer,
      version: this.isV2 ? CHAT_V2 : 'chat',
      startedAt: this.#startedAt,
      lastActivity: this.lastActivity,
      inFlight: this.#place.turns.length,
      groups: [],
      metadata: {},
    };
  }

  get toolbox(): Toolbox {
    return this.#tools.toolbox;
  }

  /** The first words on a connection. */
  confirmConnection(): void {
    const { queries } = this.#chat;
    const { isAuthenticated: authenticated } = this.#person;
    const message = authenticated
      ? 'Connected. Send a query.'
      : 'Connected. Please authenticate by sending your API key and organization ID.';
    this.send({
      type: 'connection_established',
      session_id: this.id,
      message,
      authenticated,
      protocol: 'chat.v2',
      resume_token: this.#link.renewToken(),
      model: queries.turns.model.name,
      mention: queries.mention,
    });
  }

  send(message: ServerMessage): void {
    this.#link.send(message);
  }

  /** Takes what the client has sent. Never throws. */
  receive(text: string): void {
    this.#inbox.receive(text);
  }

  /** The socket is gone. */
  disconnected(outlet: Outlet): void {
    if (!this.#link.lost(outlet)) return;
    if (this.isV2) this.#place.broadcastPresence();
    else this.end('the client is gone');
  }

  /** Hands the socket of a session that is given up over to the one that goes on. */
  handOver(): Outlet | undefined {
    const outlet = this.#link.handOver();
    this.end('it goes on as another session');
    return outlet;
  }

  /** Whether this is the token of the last greeting. */
  isResumedBy({ resume_token }: Resume, principal: string): boolean {
    return !this.#isEnded && principal === this.principal && this.#link.isOpenedBy(resume_token);
  }

  /** The person is in another place now. */
  placed(): void {
    if (this.#kept !== undefined) this.#kept.session.room = this.#place.membership;
  }

  /**
   * Goes into a room, here or at the node that has it; then the session is over here.
   *
   * @param room @default one that nobody can guess
   * @throws {ChatFailure}
   */
  async join(name: string, room: string = newRoomName()): Promise<void> {
    const until = performance.now() + PATIENCE_MS;
    for (;;) {
      try {
        await this.#place.join(this.#person.organization, name, room);
        this.#joined(name, room);
        return;
      } catch (error) {
        if (error instanceof Again) throw new ChatFailure('unavailable', UNREACHABLE);
        if (!(error instanceof Elsewhere)) throw error;
        const isThere = await this.#tryTo(error.node, () => this.#moving(name, room));
        if (isThere) return;
        if (performance.now() > until) throw new ChatFailure('unavailable', UNREACHABLE);
      }
      await pause(POLL_MS);
    }
  }

  /** Goes on here after another node, in a room that is here. @throws {ChatFailure} @throws {Elsewhere} @throws {Again} */
  async arrive(name: string, room: string, onArrived: () => void): Promise<void> {
    await this.#place.join(this.#person.organization, name, room);
    onArrived();
    this.#inbox.noteReturn();
    this.#joined(name, room, this.#link.renewToken());
  }

  /**
   * Has another node go on with it: it is over here.
   *
   * @returns false when that node does not have what is looked for any more.
   * @throws {ChatFailure} when that node refuses.
   */
  async goTo(node: string, facts: Moving | Returning): Promise<boolean> {
    return this.#tryTo(node, () => facts);
  }

  async #tryTo(node: string, facts: () => Moving | Returning): Promise<boolean> {
    const { outlet } = this.#link;
    if (outlet === undefined) throw new ChatFailure('not_found', 'The client is gone.');
    const { principal, organization, address, peer } = outlet;
    void this.#place.cancelTurns();
    await this.#place.own.idle;
    // What is still to be written here must not come behind what the other node writes.
    await this.#kept?.flush();
    if (this.#link.outlet !== outlet) throw new ChatFailure('not_found', 'The client is gone.');
    const greeting: Greeting = { visitor: { principal, organization, address, peer }, ...facts() };
    try {
      await outlet.moveTo(node, greeting);
    } catch (error) {
      if (error instanceof Again) return false;
      throw error;
    }
    this.#kept?.session.abandon();
    this.#link.handOver();
    outlet.pass(this.#inbox.close());
    this.end('it goes on at another node');
    return true;
  }

  #moving(name: string, room: string): Moving {
    const { own } = this.#place;
    const { shown } = this.#person;
    const { entries } = own.page({ limit: own.entries.length });
    const credentials = shown && this.#chat.sealCredentials(shown, this.id);
    const moving = { kind: 'join', session: this.id, room, name, entries, seq: own.seq } as const;
    return { ...moving, ...(credentials !== undefined && { credentials }) };
  }

  #joined(name: string, room: string, resume_token?: string): void {
    this.placed();
    this.send({ type: 'joined', room, name, ...(resume_token !== undefined && { resume_token }) });
    this.#place.catchUp(this, 0);
    this.#place.broadcastPresence();
  }

  /** Goes back into the room in which the person was when another process ended, where that needs no new proof. Never rejects. */
  async rejoin({ organization, room, name }: Membership, outlet: Outlet): Promise<void> {
    if (this.#person.organization !== organization) return this.resumed(outlet, 0);
    try {
      await this.#place.join(organization, name, room);
      this.placed();
      this.resumed(outlet, 0);
    } catch (error) {
      this.resumed(outlet, 0);
      if (error instanceof Elsewhere) await this.join(name, room).catch((thrown: unknown) => this.refuse(thrown));
      else this.refuse(error);
    }
  }

  /** Goes on with another socket. */
  resumed(outlet: Outlet, after: number): void {
    this.#link.replace(outlet);
    this.#person.address = outlet.address;
    this.#inbox.noteReturn();
    const { room } = this.#place;
    this.send({
      type: 'resumed',
      session_id: this.id,
      message: 'Welcome back.',
      authenticated: this.#person.isAuthenticated,
      resume_token: this.#link.renewToken(),
      ...(room !== undefined && { room }),
    });
    this.#place.catchUp(this, after);
    for (const message of this.#questions.open) this.send(message);
    this.#place.broadcastPresence();
  }

  /** Forgets everything of this person. Idempotent. */
  end(reason: string, why?: CloseReason): void {
    if (this.#isEnded) return;
    this.#isEnded = true;
    this.#inbox.close();
    const quiet = this.#place.end();
    // What the end of the process interrupts is known as that later.
    if (this.#kept !== undefined) this.#left = this.#kept.leave(why === 'goingAway' ? undefined : quiet);
    this.#questions.cancelAll();
    this.#tools.close();
    this.#person.shown = undefined;
    this.#link.end(why, reason);
    this.#chat.onEvent({ type: 'session.closed', session: this.id, reason });
    this.#onEnd(this);
  }

  /** Whether a tool may run. */
  approve(call: OfferedCall, signal: AbortSignal): Promise<Consent> {
    return this.#approvals.ask(call, signal);
  }

  /** Tells the client what it does not get, and why. @param id of the query that is meant. */
  refuse(error: unknown, id?: string): void {
    const known = error instanceof ChatFailure;
    const message = known ? error.message : `Something went wrong here; reference ${this.#chat.fail(error)}.`;
    const code = known ? error.code : 'internal';
    this.send({ type: 'error', message, code, ...(id !== undefined && { id }) });
  }

  async #question(server: string, params: ElicitRequest['params'], signal: AbortSignal): Promise<ElicitResult> {
    if (!this.isV2) return { action: 'cancel' };
    return elicit(this.#questions, { server, params, mask: this.#person.mask }, signal);
  }
}
