import { newId } from '../common/id.ts';
import { Link, type Connect } from './link.ts';
import {
  initialState,
  isReady,
  reduce,
  type ChatState,
  type Ending,
  type Log,
  type SessionKey,
  type Step,
} from './state.ts';
import { runningTurn } from './items.ts';
import type { Answer, ClientMessage, Export, ServerMessage } from './wire.ts';

/** What a person shows. They are kept in the memory of the page alone. */
export interface Credentials {
  readonly apiKey: string;
  readonly organization: string;
}

export interface ConversationOptions {
  readonly url: string;
  readonly token?: string | undefined;
  readonly session?: SessionKey | undefined;
  readonly room?: { readonly name: string; readonly me: string } | undefined;
  /** What the browser has kept of it. */
  readonly log?: Log | undefined;
  /** What the person has shown, if anything, at the time of asking. */
  credentials(): Credentials | undefined;
  onChange(): void;
  onExport(exported: Export): void;
  readonly connect?: Connect;
  readonly random?: () => number;
}

/** How long after the last key somebody is said to be typing, in milliseconds. */
const TYPING_MS = 3_000;

const ENDINGS: Readonly<Record<number, Ending>> = { 3008: 'idle' };

/**
 * One conversation with the server: its state, and what a person can do in it. What is said is kept until the server has confirmed
 * it, sent one after the other, and again after a cut if it was lost on the way.
 */
export class Conversation {
  state: ChatState;
  readonly #options: ConversationOptions;
  readonly #link: Link;
  /** Answers by the id of what they answer, until the server has closed it. */
  readonly #answers = new Map<string, ClientMessage>();
  /** The room to be in: a new session goes there. */
  #room: { readonly name: string; readonly me: string } | undefined;
  #typing: ReturnType<typeof setTimeout> | undefined;
  #goodbye = false;

  constructor(options: ConversationOptions) {
    this.#options = options;
    this.#room = options.room;
    this.state = initialState(options.session, options.room, options.log);
    this.#link = new Link({
      url: options.url,
      token: options.token,
      ...(options.connect && { connect: options.connect }),
      ...(options.random && { random: options.random }),
      onConnecting: () => this.#step({ type: 'page.connecting' }),
      onMessage: (message) => this.#receive(message),
      onCut: (retryAt) => this.#step({ type: 'page.cut', retryAt }),
      onEnded: (code) => this.#ended(code),
    });
    this.#link.retry();
  }

  /** Connects at once instead of waiting, or after the end. */
  retry = (): void => this.#link.retry();

  close(): void {
    clearTimeout(this.#typing);
    this.#link.close();
  }

  signIn({ apiKey, organization }: Credentials): void {
    if (this.#link.send({ type: 'auth', api_key: apiKey, org_id: organization })) this.#step({ type: 'page.checking' });
  }

  signOut(): void {
    this.#link.send({ type: 'logout' });
  }

  /** Says something: now if it can be, or when it can. */
  say(text: string): void {
    const id = newId();
    this.#stopTyping();
    this.#step({ type: 'page.say', id, text });
    this.#flush();
  }

  /** Tries what was refused again. */
  again(id: string): void {
    this.#step({ type: 'page.again', id });
    this.#flush();
  }

  /** Takes back what has not been sent, or was refused. */
  withdraw(id: string): void {
    this.#step({ type: 'page.withdraw', id });
    this.#flush();
  }

  stop(): void {
    const turn = runningTurn(this.state.items);
    if (turn !== undefined) this.#link.send({ type: 'cancel', turn: turn.turn });
  }

  /** @param content of a form: texts, numbers, yes or no, and lists of texts. */
  answer(id: string, action: Answer['action'], content?: Readonly<Record<string, unknown>>): void {
    const given = content && { content: content as NonNullable<Answer['content']> };
    this.#reply(id, { type: 'answer', question: id, action, ...given });
  }

  approve(id: string, approved: boolean): void {
    this.#reply(id, { type: 'approval', approval: id, approved });
  }

  /** Forgets what was said, on the server too. */
  clear(): void {
    this.#link.send({ type: 'query', content: 'clear' });
  }

  older(): void {
    this.#link.send({ type: 'history', before: this.state.first });
  }

  export(format: 'markdown' | 'json'): void {
    this.#link.send({ type: 'export', format });
  }

  join(room: string | undefined, name: string): void {
    this.#link.send({ type: 'join', name, ...(room !== undefined && { room }) });
  }

  leave(): void {
    this.#link.send({ type: 'leave' });
  }

  /** Tells the others in the room that this person types, until a while after the last call. */
  typing(): void {
    if (this.state.room === undefined || !isReady(this.state)) return;
    if (this.#typing === undefined) this.#link.send({ type: 'typing', active: true });
    clearTimeout(this.#typing);
    this.#typing = setTimeout(() => this.#stopTyping(), TYPING_MS);
  }

  #stopTyping(): void {
    if (this.#typing === undefined) return;
    clearTimeout(this.#typing);
    this.#typing = undefined;
    this.#link.send({ type: 'typing', active: false });
  }

  #reply(id: string, message: ClientMessage): void {
    this.#answers.set(id, message);
    this.#link.send(message);
    this.#step({ type: 'page.answered', id });
  }

  #step(step: Step): void {
    this.state = reduce(this.state, step);
    this.#options.onChange();
  }

  #ended(code: number): void {
    // The server says goodbye before it ends; who takes the session up elsewhere ends it without a word.
    const ending = ENDINGS[code] ?? (this.#goodbye ? 'goodbye' : 'elsewhere');
    this.#step({ type: 'page.ended', ending });
  }

  #receive(message: ServerMessage): void {
    const before = this.state;
    this.state = reduce(before, message);
    this.#follow(message, before);
    this.#options.onChange();
  }

  /** What a message calls for. */
  #follow(message: ServerMessage, before: ChatState): void {
    switch (message.type) {
      case 'connection_established':
        this.#goodbye = false;
        if (before.session === undefined) this.#begin();
        // It must be the first that is sent.
        else {
          const { id: session_id, token: resume_token } = before.session;
          this.#link.send({ type: 'resume', session_id, resume_token, after: before.last });
        }
        break;
      case 'resumed':
        if (message.authenticated) this.#link.send({ type: 'tools' });
        else this.#showCredentials();
        break;
      case 'error':
        if (before.resuming !== undefined && this.state.resuming === undefined) this.#begin();
        else this.#flush();
        break;
      case 'auth_success':
        this.#enter();
        break;
      case 'joined':
        this.#room = { name: message.room, me: message.name };
        break;
      case 'left':
        this.#room = undefined;
        break;
      case 'question':
        this.#repeat(message.question);
        break;
      case 'approval_request':
        this.#repeat(message.approval);
        break;
      case 'closed':
        this.#answers.delete(message.id);
        break;
      case 'info':
        if (message.event === 'goodbye') this.#goodbye = true;
        this.#flush();
        break;
      case 'export':
        this.#options.onExport(message);
        break;
      case 'said':
      case 'processing':
      case 'response':
      case 'history':
        this.#flush();
        break;
      default:
    }
  }

  /** A new session: shows who is there, and goes on. */
  #begin(): void {
    if (this.state.authenticated) this.#enter();
    else this.#showCredentials();
  }

  #showCredentials(): void {
    const credentials = this.#options.credentials();
    if (credentials !== undefined) this.signIn(credentials);
  }

  /** The session may be used. */
  #enter(): void {
    if (this.#room !== undefined) this.join(this.#room.name, this.#room.me);
    this.#link.send({ type: 'tools' });
    this.#flush();
  }

  /** Something that was answered is asked again after a cut: the answer was lost on the way. */
  #repeat(id: string): void {
    const message = this.#answers.get(id);
    if (message === undefined) return;
    this.#link.send(message);
    this.state = reduce(this.state, { type: 'page.answered', id });
  }

  /**
   * Sends the next of what waits: when what was sent before is confirmed and, outside of rooms, answered. So what a cut leaves open
   * is never more than one, and what waits can still be taken back.
   */
  #flush(): void {
    const { outgoing, items, room } = this.state;
    if (!isReady(this.state) || outgoing.some(({ state }) => state === 'sent')) return;
    // A turn runs, or is about to.
    if (room === undefined && (runningTurn(items) !== undefined || items.at(-1)?.kind === 'said')) return;
    const next = outgoing.find(({ state }) => state === 'waiting');
    if (next === undefined) return;
    if (this.#link.send({ type: 'query', content: next.text, id: next.id })) {
      this.#step({ type: 'page.sent', id: next.id });
    }
  }
}
