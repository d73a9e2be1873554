import { describe, expect, it } from 'vitest';
import { textOf, type Turn } from '../../src/pages/chat/items.ts';
import { initialState, isReady, reduce, type ChatState, type Step } from '../../src/pages/chat/state.ts';
import type { Entry, ServerMessage } from '../../src/pages/chat/wire.ts';

const at = '2026-11-21T08:00:00.000Z';
const usage = { input_tokens: 1, output_tokens: 2 };
const established = (session: string, authenticated = true): ServerMessage => ({
  type: 'connection_established',
  session_id: session,
  message: '',
  authenticated,
  resume_token: `token of ${session}`,
});
const said = (seq: number, text: string, id?: string): Entry => ({
  kind: 'person',
  seq,
  at,
  from: 'you',
  text,
  ...(id && { id }),
});
const answered = (seq: number, turn: string, text: string): Entry => ({
  kind: 'model',
  seq,
  at,
  turn,
  text,
  stopped: 'done',
  usage,
});
const tool = (seq: number, turn: string, call: string): Entry => ({
  kind: 'tool',
  seq,
  at,
  turn,
  call,
  name: 'add',
  arguments: { a: 1 },
  by: 'you',
  is_error: false,
  text: '3',
  truncated: false,
});

const after = (events: readonly (ServerMessage | Step)[], state = initialState()): ChatState =>
  events.reduce(reduce, state);
const turns = (state: ChatState): Turn[] => state.items.filter((item): item is Turn => item.kind === 'turn');
/** A turn as a line: text as it is, tools in brackets. */
const line = ({ parts }: Turn): string =>
  parts
    .map((part) => (part.kind === 'text' ? part.text : `[${part.name}${part.result ? ` ${part.result.text}` : ''}]`))
    .join('');

const call = { type: 'tool_call', turn: 't1', call: 'c1', name: 'add', arguments: { a: 1 }, by: 'you' } as const;
const result = {
  type: 'tool_result',
  turn: 't1',
  call: 'c1',
  name: 'add',
  seq: 2,
  is_error: false,
  text: '3',
  truncated: false,
} as const;
const streamed: readonly ServerMessage[] = [
  established('s1'),
  { type: 'said', entry: said(1, 'Add', 'q1') },
  { type: 'processing', message: '', turn: 't1', id: 'q1', from: 'you' },
  { type: 'delta', turn: 't1', text: 'I shall ' },
  { type: 'delta', turn: 't1', text: 'add.' },
  call,
];

describe('a turn', () => {
  it('keeps text and tools in the order in which they came', () => {
    const state = after([
      ...streamed,
      result,
      { type: 'delta', turn: 't1', text: ' It is 3.' },
      { type: 'response', message: 'I shall add. It is 3.', turn: 't1', seq: 3, stopped: 'done', usage },
    ]);
    expect(turns(state).map(line)).toEqual(['I shall add.[add 3] It is 3.']);
    expect(turns(state)[0]).toMatchObject({ stopped: 'done', usage });
    expect([state.first, state.last]).toEqual([1, 3]);
  });

  it('shows the whole answer if that is not what was streamed', () => {
    const state = after([...streamed, { type: 'response', message: 'Other.', turn: 't1', seq: 3, stopped: 'done' }]);
    expect(turns(state).map(line)).toEqual(['[add]Other.']);
  });

  it('shows how far a tool is until it has answered', () => {
    const state = after([
      ...streamed,
      { type: 'tool_progress', turn: 't1', call: 'c1', progress: 1, total: 4, message: 'half' },
    ]);
    expect(turns(state)[0]!.parts[1]).toMatchObject({
      progress: { done: 1, total: 4, message: 'half' },
      result: undefined,
    });
  });

  it('has the error that ended it', () => {
    const state = after([...streamed, { type: 'error', message: 'overloaded', code: 'provider', turn: 't1' }]);
    expect(turns(state)[0]).toMatchObject({ error: 'overloaded' });
  });
});

describe('what is sent', () => {
  const saying: readonly (ServerMessage | Step)[] = [
    established('s1'),
    { type: 'page.say', id: 'q1', text: 'Hello' },
    { type: 'page.sent', id: 'q1' },
  ];

  it('is kept until the server has confirmed it', () => {
    expect(after(saying).outgoing).toMatchObject([{ id: 'q1', state: 'sent' }]);
    expect(after([...saying, { type: 'said', entry: said(1, 'Hello', 'q1') }]).outgoing).toEqual([]);
  });

  it('waits again if a cut lost it, and does not if the history has it', () => {
    const cut: readonly (ServerMessage | Step)[] = [
      ...saying,
      { type: 'page.cut', retryAt: 0 },
      { type: 'page.connecting' },
      established('s2'),
      { type: 'resumed', session_id: 's1', message: '', authenticated: true, resume_token: 'next' },
    ];
    expect(after([...cut, { type: 'history', entries: [], more: false }]).outgoing).toMatchObject([
      { id: 'q1', state: 'waiting' },
    ]);
    const confirmed = after([...cut, { type: 'history', entries: [said(1, 'Hello', 'q1')], more: false }]);
    expect(confirmed.outgoing).toEqual([]);
    expect(confirmed.items).toHaveLength(1);
    expect(confirmed.session).toEqual({ id: 's1', token: 'next' });
  });

  it('says why it was refused', () => {
    const state = after([...saying, { type: 'error', code: 'rate_limited', message: 'Too many.', id: 'q1' }]);
    expect(state.outgoing).toMatchObject([{ state: 'refused', error: 'Too many.' }]);
    expect(state.items).toEqual([]);
  });
});

describe('after a cut', () => {
  const cut: readonly (ServerMessage | Step)[] = [
    ...streamed,
    result,
    { type: 'page.cut', retryAt: 0 },
    established('s2'),
  ];
  const resumed: ServerMessage = {
    type: 'resumed',
    session_id: 's1',
    message: '',
    authenticated: true,
    resume_token: 'next',
  };

  it('is not ready before the history has come', () => {
    expect(isReady(after(cut))).toBe(false);
    expect(isReady(after([...cut, resumed]))).toBe(false);
    expect(isReady(after([...cut, resumed, { type: 'history', entries: [], more: false }]))).toBe(true);
  });

  it('begins the text of a turn that runs again, and keeps what its tools answered', () => {
    const state = after([
      ...cut,
      resumed,
      { type: 'history', entries: [], more: false },
      { type: 'processing', message: '', turn: 't1', from: 'you' },
      { type: 'delta', turn: 't1', text: 'I shall add. It ' },
    ]);
    expect(turns(state).map(line)).toEqual(['[add 3]I shall add. It ']);
  });

  it('ends a turn that ended meanwhile', () => {
    const state = after([...cut, resumed, { type: 'history', entries: [answered(3, 't1', 'It is 3.')], more: false }]);
    expect(turns(state).map(line)).toEqual(['[add 3]It is 3.']);
    expect(turns(state)[0]!.stopped).toBe('done');
  });

  it('adds no message twice that comes again after the connection was resumed', () => {
    const state = after([
      ...cut,
      resumed,
      { type: 'history', entries: [said(1, 'Add', 'q1'), tool(2, 't1', 'c1')], more: false },
    ]);
    expect(state.items).toHaveLength(2);
  });

  it('keeps on the page what the server has forgotten, and says so', () => {
    const state = after([...cut, { type: 'error', code: 'not_found', message: 'gone' }]);
    expect(state.session).toEqual({ id: 's2', token: 'token of s2' });
    expect(state.past.map(({ kind }) => kind)).toEqual(['said', 'turn']);
    expect(state.past[1]).toMatchObject({ stopped: 'failed' });
    expect(state.items).toMatchObject([{ kind: 'notice' }]);
    const next = after(
      [
        { type: 'processing', message: '', turn: 't1' },
        { type: 'delta', turn: 't1', text: 'New.' },
      ],
      state,
    );
    expect(turns(next).map(line)).toEqual(['New.']);
    expect(new Set([...next.past, ...next.items].map(({ key }) => key)).size).toBe(4);
  });
});

describe('history', () => {
  const late: readonly ServerMessage[] = [
    established('s1'),
    { type: 'history', entries: [tool(4, 't2', 'c9'), answered(5, 't2', 'B.')], more: true },
  ];

  it('puts what is older before, and joins a turn that was cut in two', () => {
    const state = after([
      ...late,
      { type: 'history', entries: [said(1, 'A?'), answered(2, 't1', 'A.'), tool(3, 't2', 'c8')], more: false },
    ]);
    expect(turns(state).map(line)).toEqual(['A.', '[add 3][add 3]B.']);
    expect([state.first, state.last, state.more]).toEqual([1, 5, false]);
  });

  it('leaves no gap when more was said during a cut than fits into an answer', () => {
    const state = after([
      ...late,
      { type: 'page.cut', retryAt: 0 },
      established('s2'),
      { type: 'resumed', session_id: 's1', message: '', authenticated: true, resume_token: 'next' },
      { type: 'history', entries: [said(90, 'C?'), answered(91, 't90', 'C.')], more: true },
    ]);
    expect(turns(state).map(line)).toEqual(['C.']);
    expect([state.first, state.last, state.more]).toEqual([90, 91, true]);
  });

  it('says that there is more', () => {
    expect(after(late).more).toBe(true);
    expect(after([...late, { type: 'history', entries: [], more: false }]).more).toBe(false);
  });

  it('begins again in a room, and when it is left', () => {
    const room = after([...late, { type: 'joined', room: 'planning', name: 'Ada' }]);
    expect(room).toMatchObject({ items: [], last: 0, room: { name: 'planning', me: 'Ada' } });
    const people = [{ name: 'Ada', typing: false, connected: true }];
    expect(after([{ type: 'presence', room: 'planning', people }], room).room!.people).toEqual(people);
    expect(after([{ type: 'left', room: 'planning' }], room).room).toBeUndefined();
  });

  it('is empty after clear, but for the word about it', () => {
    expect(after([...late, { type: 'info', event: 'cleared', message: 'Forgotten.' }]).items).toMatchObject([
      { text: 'Forgotten.' },
    ]);
  });
});

describe('questions', () => {
  const question: ServerMessage = {
    type: 'question',
    question: 'u1',
    server: 'demo',
    message: 'Which?',
    expires_at: '',
  };

  it('wait until they are closed', () => {
    const asked = after([established('s1'), question]);
    expect(asked.asks).toMatchObject([{ id: 'u1', answered: false }]);
    expect(after([{ type: 'page.answered', id: 'u1' }], asked).asks).toMatchObject([{ answered: true }]);
    expect(after([{ type: 'closed', id: 'u1', reason: 'answered' }], asked)).toMatchObject({ asks: [], items: [] });
  });

  it('say when nobody answered in time', () => {
    const state = after([established('s1'), question, { type: 'closed', id: 'u1', reason: 'timeout' }]);
    expect(state.items).toMatchObject([{ kind: 'notice', text: 'Nobody answered in time: Which?' }]);
  });
});

it('changes nothing for a message that it does not know', () => {
  const state = after(streamed);
  expect(reduce(state, { type: 'news' } as unknown as ServerMessage)).toBe(state);
  expect(textOf(turns(state)[0]!.parts)).toBe('I shall add.');
});
