/** What operators see of the messages of a session: names and sizes, of few sessions, while somebody looks. */
import { expect, it } from 'vitest';

import { MAX_MESSAGES, MAX_SESSIONS, SessionMessages } from '../../src/callers/session-messages.ts';
import { notification, result } from '../../src/protocol/jsonrpc.ts';
import type { Message } from '../../src/protocol/jsonrpc.ts';

const call = (id: number, text: string): Message => ({
  jsonrpc: '2.0',
  id,
  method: 'tools/call',
  params: { name: 'echo', arguments: { text } },
});

it('notes names and sizes and nothing else, an answer by the name of its request, from the first look on', () => {
  const messages = new SessionMessages();
  messages.take('a', 'in', call(1, 'before anybody looks'));
  expect([messages.size, messages.count('a')]).toEqual([0, 0]);
  messages.take('a', 'in', call(2, 'secret words'));
  messages.take('a', 'out', notification('notifications/progress', { progress: 1, message: 'secret words' }));
  // Both sides count their requests for themselves.
  messages.take('a', 'out', { jsonrpc: '2.0', id: 2, method: 'ping' });
  messages.take('a', 'in', result(2, {}));
  messages.take('a', 'out', result(2, { content: [{ type: 'text', text: 'secret words' }] }));
  messages.take('b', 'in', call(1, 'of another'));
  const list = messages.list('a');
  expect(list.map(({ nr, direction, kind, name }) => [nr, direction, kind, name])).toEqual([
    [1, 'in', 'request', 'tools/call echo'],
    [2, 'out', 'notification', 'notifications/progress'],
    [3, 'out', 'request', 'ping'],
    [4, 'in', 'result', 'ping'],
    [5, 'out', 'result', 'tools/call echo'],
  ]);
  expect(list[0]!.bytes).toBe(JSON.stringify(call(2, 'secret words')).length);
  expect(JSON.stringify(list)).not.toContain('secret');
  expect(messages.list('a', 4).map(({ nr }) => nr)).toEqual([5]);
});

it('keeps so many messages of so many sessions, and none of one that nobody looks at any more', () => {
  let now = 0;
  const messages = new SessionMessages(() => now);
  messages.count('a');
  for (let nth = 0; nth < MAX_MESSAGES + 5; nth++) messages.take('a', 'in', call(nth, ''));
  expect([messages.count('a'), messages.list('a').length, messages.list('a')[0]!.nr]).toEqual([
    MAX_MESSAGES + 5,
    MAX_MESSAGES,
    6,
  ]);
  for (let nth = 0; nth < MAX_SESSIONS; nth++) messages.count(`other ${nth}`);
  expect(messages.size).toBe(MAX_SESSIONS);
  expect(messages.count('a')).toBe(0);
  now += 31_000;
  messages.take('a', 'in', call(1, ''));
  expect(messages.size).toBe(MAX_SESSIONS - 1);
  expect([messages.count('b'), messages.size]).toEqual([0, 1]);
  // What a server in this process says may be nothing that can be written.
  const odd: Record<string, unknown> = {};
  odd['odd'] = odd;
  messages.take('b', 'out', notification('notifications/message', odd));
  expect(messages.list('b')).toMatchObject([{ name: 'notifications/message', bytes: 0 }]);
});
