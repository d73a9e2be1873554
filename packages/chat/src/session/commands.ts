/** What each message of a client does. */
import { exportConversation } from '../conversation/export.ts';
import type { Listener } from '../conversation/conversation.ts';
import { ChatFailure } from '../failure.ts';
import type { ChatEvent } from '../options.ts';
import type { Approvals } from '../people/approvals.ts';
import type { Person } from '../people/person.ts';
import type { Questions } from '../people/questions.ts';
import type { Answer, Approval, Auth, ClientMessage, Join, Query } from '../protocol/client-messages.ts';
import type { OwnMessage, OwnMessages } from '../protocol/own-messages.ts';
import type { CloseReason, Link } from './link.ts';
import type { Place } from './place.ts';
import type { PersonalTools } from './personal-tools.ts';
import type { Queries } from './queries.ts';
import { NOT_AUTHENTICATED } from './sign-in.ts';
import type { SignIn } from './sign-in.ts';

export interface CommandServices {
  readonly signIn: SignIn;
  /** Messages of the program's own. */
  readonly own: OwnMessages;
  onEvent(event: ChatEvent): void;
  /** Whether this node ends, so that nothing new is to be begun. */
  isLeaving(): boolean;
}

/** What a person may say to the chat itself, in place of a query. */
const COMMANDS: ReadonlySet<string> = new Set(['clear', 'quit', '']);
const LEAVING =
  'This process of the chat is shutting down, and you will be connected again in a moment; ask again then.';

/** The session that a client speaks to. */
export interface CommandedSession extends Listener {
  readonly id: string;
  readonly isV2: boolean;
  readonly isEnded: boolean;
  readonly principal: string;
  /** Tells the client what it does not get, and why. */
  refuse(error: unknown, id?: string): void;
  end(reason: string, why: CloseReason): void;
  /** The person is in another place now. */
  placed(): void;
  /** @throws {ChatFailure} */
  join(name: string, room?: string): Promise<void>;
}

export interface CommandParts {
  link: Link;
  person: Person;
  place: Place;
  queries: Queries;
  questions: Questions;
  approvals: Approvals;
  tools: PersonalTools;
}

export class Commands {
  readonly #services: CommandServices;
  readonly #session: CommandedSession;
  readonly #link: Link;
  readonly #person: Person;
  readonly #place: Place;
  readonly #queries: Queries;
  readonly #questions: Questions;
  readonly #approvals: Approvals;
  readonly #tools: PersonalTools;

  constructor(services: CommandServices, session: CommandedSession, parts: CommandParts) {
    this.#services = services;
    this.#session = session;
    this.#link = parts.link;
    this.#person = parts.person;
    this.#place = parts.place;
    this.#queries = parts.queries;
    this.#questions = parts.questions;
    this.#approvals = parts.approvals;
    this.#tools = parts.tools;
  }

  /** Handles what need not wait. @returns whether it was that. @throws {ChatFailure} */
  atOnce(message: ClientMessage): boolean {
    switch (message.type) {
      case 'ping':
        this.#session.send({ type: 'pong' });
        return true;
      case 'cancel':
        this.#queries.cancel(message.turn);
        return true;
      case 'answer':
        this.#answer(message);
        return true;
      case 'approval':
        this.#approval(message);
        return true;
      case 'typing':
        this.#place.setTyping(message.active);
        return true;
      case 'query':
        return this.#takeAsAnswer(message) || this.#refuseLate(message);
      default:
        return false;
    }
  }

  /** @throws {ChatFailure} */
  async inTurn(message: ClientMessage): Promise<void> {
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
      case 'history': {
        const { before = Infinity, limit } = message;
        const page = this.#place.conversation.page({ before, ...(limit !== undefined && { limit }) });
        return this.#session.send({ type: 'history', ...page });
      }
      case 'tools':
        return this.sendTools();
      case 'export':
        return this.#session.send(exportConversation(this.#place.conversation.entries, message.format, new Date()));
    }
  }

  /** A message of the program's own. */
  async own(message: OwnMessage): Promise<void> {
    this.#mustBeAuthenticated();
    const send = (own: OwnMessage): void => this.#link.sendOwn(own);
    const sender = {
      session: this.#session.id,
      principal: this.#session.principal,
      organization: this.#person.organization,
      send,
    };
    const answer: unknown = await this.#services.own.handlerOf(message.type)?.(message, sender);
    if (typeof answer === 'object' && answer !== null && 'type' in answer) send(answer as OwnMessage);
  }

  /** @returns whether a query was an answer to a question in words. */
  #takeAsAnswer({ content }: Query): boolean {
    const taken = this.#approvals.takeText(content);
    if (taken === 'open') {
      this.#session.send({ type: 'info', message: 'This waits until you have answered yes or no.' });
    }
    return taken === 'answered';
  }

  /** While this node ends, what has been asked is answered, and no more. @returns whether it was refused. */
  #refuseLate({ content, id }: Query): boolean {
    const isLate = this.#services.isLeaving() && !COMMANDS.has(commandIn(content)) && this.#queries.isForModel(content);
    if (isLate) this.#session.refuse(new ChatFailure('unavailable', LEAVING), id);
    return isLate;
  }

  async #authenticate(message: Auth): Promise<void> {
    const shown = await this.#services.signIn.verify(message, this.#link.address, (verdict) =>
      this.#services.onEvent({ type: 'auth', session: this.#session.id, verdict }),
    );
    if (this.#session.isEnded) return;
    if (typeof shown === 'string') return this.#session.send({ type: 'auth_error', message: shown });
    const { credentials: before } = this.#person;
    await this.#forgetCredentials(before !== undefined && before.organization !== shown.organization);
    this.#person.shown = shown;
    this.#session.send({
      type: 'auth_success',
      message: 'Authentication successful. You can now send queries.',
      authenticated: true,
    });
  }

  async #logout(): Promise<void> {
    await this.#forgetCredentials(true);
    const message = 'Logged out; your credentials are forgotten.';
    this.#session.send({ type: 'logged_out', message, authenticated: this.#person.isAuthenticated });
  }

  /** @param all whether the conversation goes too, which another organization must not see. */
  async #forgetCredentials(all: boolean): Promise<void> {
    this.#questions.cancelAll();
    await this.#place.cancelTurns();
    if (all && this.#place.room !== undefined) this.#leave();
    if (all) this.#place.clearOwn();
    this.#tools.close();
    this.#person.shown = undefined;
  }

  async #query({ content, id }: Query): Promise<void> {
    const text = this.#person.mask(content);
    const command = commandIn(text);
    if (command === 'clear') return this.#queries.clear();
    if (command === 'quit') {
      this.#session.send({ type: 'info', message: 'Goodbye!', event: 'goodbye' });
      return this.#session.end('the client said quit', 'normal');
    }
    if (command === '') return this.#session.send({ type: 'info', message: 'Please provide a query', event: 'empty' });
    try {
      this.#mustBeAuthenticated();
      const answered = this.#queries.ask(text, id);
      // A simple client cannot tell answers apart, so it gets one before the next query is taken up.
      return this.#session.isV2 ? undefined : answered;
    } catch (error) {
      return this.#session.refuse(error, id);
    }
  }

  #answer({ question, action, content }: Answer): void {
    const result = { action, ...(action === 'accept' && content !== undefined && { content }) };
    if (!this.#questions.answer('question', question, result)) throw notOpen('question', question);
  }

  #approval({ approval, approved }: Approval): void {
    if (!this.#questions.answer('approval_request', approval, approved)) throw notOpen('approval', approval);
  }

  async #join({ room, name }: Join): Promise<void> {
    this.#mustBeAuthenticated();
    await this.#session.join(name, room);
  }

  #leave(): void {
    this.#session.send({ type: 'left', room: this.#place.leave() });
    this.#session.placed();
    this.#place.catchUp(this.#session, 0);
  }

  /** @throws {ChatFailure} `not_authenticated` */
  async sendTools(): Promise<void> {
    this.#mustBeAuthenticated();
    this.#session.send({ type: 'tools', tools: await this.#tools.toolbox.summaries() });
  }

  /** @throws {ChatFailure} `not_authenticated` */
  #mustBeAuthenticated(): void {
    if (!this.#person.isAuthenticated) throw new ChatFailure('not_authenticated', NOT_AUTHENTICATED);
  }
}

const commandIn = (text: string): string => text.trim().toLowerCase();

const notOpen = (what: string, id: string): ChatFailure =>
  new ChatFailure('not_found', `No ${what} ${JSON.stringify(id)} is open; it may have been answered or timed out.`);
