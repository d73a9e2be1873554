/** All that the page knows of one conversation, and how each message and each step of its own changes that. Pure. */
import {
  addCall,
  addEntry,
  addText,
  changeCall,
  changeTurn,
  closed,
  interrupted,
  putBefore,
  settleText,
  type Item,
} from './items.ts';
import type { ApprovalRequest, Entry, Person, Question, ServerMessage, ToolSummary } from './wire.ts';

export interface SessionKey {
  readonly id: string;
  readonly token: string;
}

/** A query that the server has not confirmed. */
export interface Outgoing {
  readonly id: string;
  readonly text: string;
  readonly state: 'waiting' | 'sent' | 'refused';
  /** Why it was refused. */
  readonly error: string | undefined;
}

export interface Ask {
  readonly id: string;
  readonly request: Question | ApprovalRequest;
  /** Whether the answer is on its way. */
  readonly answered: boolean;
}

export interface Room {
  readonly name: string;
  /** The name of this person. */
  readonly me: string;
  readonly people: readonly Person[];
}

export type Ending = 'elsewhere' | 'idle' | 'goodbye';

export interface ChatState {
  readonly link: 'connecting' | 'open' | 'waiting' | 'ended';
  /** When the next attempt is made, in milliseconds since 1970, while `link` is `waiting`. */
  readonly retryAt: number | undefined;
  readonly ending: Ending | undefined;
  /** Whether the server has ever answered. */
  readonly reached: boolean;
  /** The session to take up, or that is taken up. */
  readonly session: SessionKey | undefined;
  /** Asked for the old session; here is the new one in case that is gone. */
  readonly resuming: { readonly session: SessionKey | undefined; readonly authenticated: boolean } | undefined;
  readonly authenticated: boolean;
  readonly checking: boolean;
  readonly signInError: string | undefined;
  readonly model: string | undefined;
  readonly mention: string;
  /** What sessions before this one left on the page. */
  readonly past: readonly Item[];
  /** What the browser has kept of this session, until the server says what it has. */
  readonly copy: readonly Item[];
  readonly items: readonly Item[];
  /** The lowest and the highest `seq` of the items. */
  readonly first: number;
  readonly last: number;
  readonly more: boolean;
  readonly outgoing: readonly Outgoing[];
  readonly asks: readonly Ask[];
  readonly room: Room | undefined;
  readonly tools: readonly ToolSummary[] | undefined;
  /** How many notices there were, for their keys. */
  readonly notices: number;
}

/** What is kept of a state beyond the page. */
export interface Log {
  readonly past: readonly Item[];
  readonly items: readonly Item[];
  readonly outgoing: readonly Outgoing[];
}

/** Steps of the page's own. */
export type Step =
  | { readonly type: 'page.connecting' }
  | { readonly type: 'page.cut'; readonly retryAt: number }
  | { readonly type: 'page.ended'; readonly ending: Ending }
  | { readonly type: 'page.say'; readonly id: string; readonly text: string }
  | { readonly type: 'page.sent'; readonly id: string }
  | { readonly type: 'page.withdraw'; readonly id: string }
  | { readonly type: 'page.again'; readonly id: string }
  | { readonly type: 'page.answered'; readonly id: string }
  | { readonly type: 'page.checking' }
  | { readonly type: 'page.notice'; readonly tone: 'calm' | 'bad'; readonly text: string };

export function initialState(
  session?: SessionKey,
  room?: { readonly name: string; readonly me: string },
  log?: Log,
): ChatState {
  const { past = [], items: copy = [], outgoing = [] } = log ?? {};
  return {
    link: 'connecting',
    retryAt: undefined,
    ending: undefined,
    reached: false,
    session,
    resuming: undefined,
    authenticated: false,
    checking: false,
    signInError: undefined,
    model: undefined,
    mention: 'assistant',
    // Without a session nobody goes on with it.
    past: session === undefined ? [...past, ...closed(copy, `past ${past.length}`)] : past,
    copy: session === undefined ? [] : copy,
    items: [],
    first: 0,
    last: 0,
    more: false,
    outgoing: unsent(outgoing),
    asks: [],
    room: room === undefined ? undefined : { ...room, people: [] },
    tools: undefined,
    notices: 0,
  };
}

/** Whether queries can be sent. */
export const isReady = (state: ChatState): boolean =>
  state.link === 'open' && state.resuming === undefined && state.authenticated && state.reached;

function notice(state: ChatState, tone: 'calm' | 'bad', text: string): ChatState {
  const notices = state.notices + 1;
  return { ...state, notices, items: [...state.items, { kind: 'notice', key: `notice ${notices}`, tone, text }] };
}

function seen(state: ChatState, seq: number): ChatState {
  return { ...state, first: state.first === 0 ? seq : Math.min(state.first, seq), last: Math.max(state.last, seq) };
}

const without = (outgoing: readonly Outgoing[], id: string | undefined): readonly Outgoing[] =>
  id === undefined ? outgoing : outgoing.filter((one) => one.id !== id);

/** An entry at the end of the conversation, unless it is here already. */
function append(state: ChatState, entry: Entry): ChatState {
  const known = entry.kind === 'person' ? entry.id : undefined;
  const outgoing = without(state.outgoing, known);
  if (entry.seq <= state.last) return { ...state, outgoing };
  return { ...seen(state, entry.seq), outgoing, items: addEntry(state.items, entry) };
}

function history(state: ChatState, entries: readonly Entry[], more: boolean): ChatState {
  const resumed = state.resuming === undefined ? state : { ...state, resuming: undefined };
  const isOlder = entries.length > 0 && state.first > 0 && entries.every(({ seq }) => seq < state.first);
  if (!isOlder) {
    // So much was said meanwhile that the newest page does not reach back to what is here: that is left to be asked for.
    const isApart = more && state.first > 0 && (entries[0]?.seq ?? 0) > state.last + 1;
    const next = entries.reduce(append, isApart ? emptied(resumed) : resumed);
    // What was sent and is not in the history was lost on the way.
    const outgoing = state.resuming === undefined ? next.outgoing : unsent(next.outgoing);
    // An empty answer to a question for older entries says that there are none; one after a cut says nothing of them.
    const begins = state.first === 0 || (entries.length === 0 && state.resuming === undefined);
    return { ...next, outgoing, more: begins || isApart ? more : state.more };
  }
  const older = entries.reduce<readonly Item[]>(addEntry, []);
  return { ...seen(state, entries[0]!.seq), items: putBefore(older, state.items), more };
}

const unsent = (outgoing: readonly Outgoing[]): readonly Outgoing[] =>
  outgoing.map((one) => (one.state === 'sent' ? { ...one, state: 'waiting' } : one));

/** Another conversation begins on the page: a room, or one's own again. */
const emptied = (state: ChatState): ChatState => ({
  ...state,
  past: [],
  copy: [],
  items: [],
  first: 0,
  last: 0,
  more: false,
});

/** The session is gone: what is on the page stays there, and everything begins again. */
function lost(state: ChatState): ChatState {
  const { session, authenticated } = state.resuming ?? { session: undefined, authenticated: false };
  const past = [...state.past, ...closed([...state.copy, ...state.items], `past ${state.past.length}`)];
  const fresh = {
    ...emptied(state),
    session,
    authenticated,
    resuming: undefined,
    past,
    asks: [],
    outgoing: unsent(state.outgoing),
  };
  return past.length === 0
    ? fresh
    : notice(fresh, 'calm', 'The server no longer has what is above: the assistant does not remember it.');
}

function failed(state: ChatState, message: string, turn: string | undefined, id: string | undefined): ChatState {
  if (turn !== undefined) {
    return { ...state, items: changeTurn(state.items, turn, (before) => ({ ...before, error: message })) };
  }
  if (id !== undefined && state.outgoing.some((one) => one.id === id)) {
    const outgoing = state.outgoing.map((one) =>
      one.id === id ? ({ ...one, state: 'refused', error: message } as const) : one,
    );
    return { ...state, outgoing };
  }
  return notice(state, 'bad', message);
}

const ask = (state: ChatState, id: string, request: Question | ApprovalRequest): ChatState => ({
  ...state,
  asks: [...state.asks.filter((one) => one.id !== id), { id, request, answered: false }],
});

const keyOf = (id: string, token: string | undefined): SessionKey | undefined =>
  token === undefined ? undefined : { id, token };

/** What a message of the server changes. Types that are not known change nothing. */
// oxlint-disable-next-line complexity -- one table of the messages
function received(state: ChatState, message: ServerMessage): ChatState {
  switch (message.type) {
    case 'connection_established': {
      const session = keyOf(message.session_id, message.resume_token);
      const open = {
        ...state,
        link: 'open' as const,
        reached: true,
        retryAt: undefined,
        model: message.model,
        mention: message.mention ?? state.mention,
      };
      if (state.session === undefined) return { ...open, session, authenticated: message.authenticated };
      return { ...open, resuming: { session, authenticated: message.authenticated } };
    }
    case 'resumed': {
      const { name, me, people } = state.room ?? { name: message.room ?? '', me: '', people: [] };
      return {
        ...state,
        session: { id: message.session_id, token: message.resume_token },
        authenticated: message.authenticated,
        copy: [],
        room: message.room === undefined ? undefined : { name: message.room ?? name, me, people },
        // Those that are open still are told again.
        asks: [],
      };
    }
    case 'auth_success':
      return { ...state, authenticated: true, checking: false, signInError: undefined };
    case 'auth_error':
      return { ...state, checking: false, signInError: message.message };
    case 'logged_out':
      return { ...state, authenticated: message.authenticated, asks: [], tools: undefined };
    case 'history':
      return history(state, message.entries, message.more);
    case 'said':
      return append(state, message.entry);
    case 'processing': {
      // A turn that is told of again begins its text again. What its tools have answered stays.
      const items = changeTurn(state.items, message.turn, (turn) => ({
        ...turn,
        from: message.from,
        parts: turn.parts.filter((part) => part.kind === 'call' && part.result !== undefined),
      }));
      return { ...state, items, outgoing: without(state.outgoing, message.id) };
    }
    case 'delta': {
      const { turn, text } = message;
      const items = changeTurn(state.items, turn, (before) => ({ ...before, parts: addText(before.parts, text) }));
      return { ...state, items };
    }
    case 'tool_call': {
      const items = changeTurn(state.items, message.turn, (turn) => ({ ...turn, parts: addCall(turn.parts, message) }));
      return { ...state, items };
    }
    case 'tool_progress': {
      const { turn, call, progress: done, total, message: text = '' } = message;
      const items = changeTurn(state.items, turn, (before) => ({
        ...before,
        parts: changeCall(before.parts, call, (one) => ({ ...one, progress: { done, total, message: text } })),
      }));
      return { ...state, items };
    }
    case 'tool_result':
      return append(state, { ...message, kind: 'tool', at: '', arguments: {}, by: '' });
    case 'response': {
      const { turn, seq, stopped, usage, message: text } = message;
      const items = changeTurn(state.items, turn, (before) => ({
        ...before,
        parts: settleText(before.parts, text),
        stopped,
        usage,
      }));
      return { ...seen(state, seq), items };
    }
    case 'question':
      return ask(state, message.question, message);
    case 'approval_request':
      return ask(state, message.approval, message);
    case 'closed': {
      const open = state.asks.find((one) => one.id === message.id);
      const next = { ...state, asks: state.asks.filter((one) => one.id !== message.id) };
      if (open === undefined || message.reason !== 'timeout' || open.request.type !== 'question') return next;
      return notice(next, 'calm', `Nobody answered in time: ${open.request.message}`);
    }
    case 'info': {
      // Told to whoever did not call the assistant in a room, where that is nothing special.
      if (message.event === 'heard') return state;
      // What was a command is confirmed by this, and not added to the conversation.
      const isCommand = message.event === 'cleared' || message.event === 'goodbye' || message.event === 'empty';
      const outgoing = isCommand ? state.outgoing.filter((one) => one.state !== 'sent') : state.outgoing;
      const next = { ...state, outgoing };
      return notice(message.event === 'cleared' ? emptied(next) : next, 'calm', message.message);
    }
    case 'error':
      if (state.resuming !== undefined && message.code === 'not_found') return lost(state);
      return failed(state, message.message, message.turn, message.id);
    case 'tools':
      return { ...state, tools: message.tools };
    case 'joined':
      return { ...emptied(state), room: { name: message.room, me: message.name, people: [] } };
    case 'left':
      return { ...emptied(state), room: undefined };
    case 'presence':
      return state.room === undefined ? state : { ...state, room: { ...state.room, people: message.people } };
    default:
      return state;
  }
}

export function reduce(state: ChatState, event: ServerMessage | Step): ChatState {
  switch (event.type) {
    case 'page.connecting':
      return { ...state, link: 'connecting', ending: undefined, retryAt: undefined };
    case 'page.cut':
      return { ...state, link: 'waiting', retryAt: event.retryAt, resuming: undefined, checking: false };
    case 'page.ended':
      return { ...state, link: 'ended', ending: event.ending, items: interrupted(state.items), asks: [] };
    case 'page.say': {
      const { id, text } = event;
      return { ...state, outgoing: [...state.outgoing, { id, text, state: 'waiting', error: undefined }] };
    }
    case 'page.sent':
    case 'page.again': {
      const next = event.type === 'page.sent' ? 'sent' : 'waiting';
      const outgoing = state.outgoing.map((one) =>
        one.id === event.id ? ({ ...one, state: next, error: undefined } as const) : one,
      );
      return { ...state, outgoing };
    }
    case 'page.withdraw':
      return { ...state, outgoing: without(state.outgoing, event.id) };
    case 'page.answered': {
      const asks = state.asks.map((one) => (one.id === event.id ? { ...one, answered: true } : one));
      return { ...state, asks };
    }
    case 'page.checking':
      return { ...state, checking: true, signInError: undefined };
    case 'page.notice':
      return notice(state, event.tone, event.text);
    default:
      return received(state, event);
  }
}
