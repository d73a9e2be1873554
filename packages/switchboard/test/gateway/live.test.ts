/** The live stream of the admin API: everything first, then what changes, and never wrong for who reads slowly. */
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { ServerResponse } from 'node:http';
import { connect } from 'node:net';
import type { AddressInfo, Socket } from 'node:net';
import { describe, expect, it, onTestFinished } from 'vitest';

import { Live, MAX_WAITING_BYTES } from '../../src/gateway/admin/live.ts';
import type { Operator } from '../../src/gateway/admin/operator.ts';
import { MAX_STREAMS, MAX_STREAMS_EACH } from '../../src/gateway/admin/share.ts';
import type { Topic } from '../../src/gateway/admin/live.ts';

interface Reader {
  socket: Socket;
  response: ServerResponse;
  /** What was sent about a topic, in order. */
  heard(topic: string): unknown[];
}

async function startLive(
  topics: Record<string, Topic>,
  who = (): Operator => ({ name: 'local', role: 'operator' }),
): Promise<{
  live: Live;
  faults: unknown[];
  open(...names: string[]): Promise<Reader>;
}> {
  const faults: unknown[] = [];
  const live = new Live(
    (name) => topics[name],
    (error) => faults.push(error),
  );
  onTestFinished(() => live.close());
  let wanted: string[] = [];
  const responses: ServerResponse[] = [];
  const server = createServer((_, response) => {
    responses.push(response);
    live.add(response, wanted, who());
  }).listen(0, '127.0.0.1');
  onTestFinished(() => server.close().closeAllConnections());
  await once(server, 'listening');
  const open = async (...names: string[]): Promise<Reader> => {
    wanted = names;
    const before = responses.length;
    const socket = connect((server.address() as AddressInfo).port, '127.0.0.1');
    socket.on('error', () => {});
    socket.write('GET / HTTP/1.1\r\nHost: localhost\r\n\r\n');
    let text = '';
    socket.on('data', (chunk: Buffer) => void (text += chunk.toString().replaceAll(/\r\n[0-9a-f]+\r\n/g, '')));
    await expect.poll(() => responses.length).toBe(before + 1);
    const heard = (topic: string): unknown[] =>
      [...text.matchAll(new RegExp(`event: ${topic}\\ndata: (.*)\\n\\n`, 'g'))].map(([, data]) => JSON.parse(data!));
    return { socket, response: responses.at(-1)!, heard };
  };
  return { live, faults, open };
}

const rows = new Map<string, { id: string; value: unknown }>();
const table: Topic = { kind: 'table', look: () => [...rows.values()], idOf: ({ id }: { id: string }) => id };

describe('the live stream', () => {
  it('sends a table whole to who comes, and then the rows that came, changed and went', async () => {
    rows.clear();
    rows.set('a', { id: 'a', value: 1 }).set('b', { id: 'b', value: 1 });
    const { open } = await startLive({ table });
    const first = await open('table');
    await expect
      .poll(() => first.heard('table'))
      .toEqual([
        {
          all: [
            { id: 'a', value: 1 },
            { id: 'b', value: 1 },
          ],
        },
      ]);
    rows.set('b', { id: 'b', value: 2 }).set('c', { id: 'c', value: 1 }).delete('a');
    await expect
      .poll(() => first.heard('table').at(-1))
      .toEqual({
        changed: [
          { id: 'b', value: 2 },
          { id: 'c', value: 1 },
        ],
        gone: ['a'],
      });
    const second = await open('table');
    await expect
      .poll(() => second.heard('table'))
      .toEqual([
        {
          all: [
            { id: 'b', value: 2 },
            { id: 'c', value: 1 },
          ],
        },
      ]);
    expect(first.heard('table')).toHaveLength(2);
  });

  it('sends of a log all that is kept, and then what is new, with how many were left out', async () => {
    const lines: { nr: number }[] = [];
    const add = (count: number): void => {
      for (let nth = 0; nth < count; nth++) lines.push({ nr: lines.length + 1 });
    };
    const log: Topic = { kind: 'log', count: () => lines.length, list: (after, max) => lines.slice(after).slice(-max) };
    add(2);
    const { open } = await startLive({ log });
    const reader = await open('log');
    await expect.poll(() => reader.heard('log')).toEqual([{ all: [{ nr: 1 }, { nr: 2 }] }]);
    add(1);
    await expect.poll(() => reader.heard('log').at(-1)).toEqual({ rows: [{ nr: 3 }], skipped: 0 });
    add(1000);
    await expect
      .poll(() => reader.heard('log').at(-1))
      .toMatchObject({ skipped: 800, rows: expect.arrayContaining([{ nr: 1003 }]) as unknown });
  });

  it('sends a value only when it has changed, and looks at nothing that nobody watches', async () => {
    let [looks, value] = [0, 1];
    const topic: Topic = {
      kind: 'value',
      look: () => {
        looks++;
        return value;
      },
    };
    const { open } = await startLive({ value: topic });
    expect(looks).toBe(0);
    const reader = await open('value');
    await expect.poll(() => looks).toBeGreaterThan(2);
    expect(reader.heard('value')).toEqual([{ value: 1 }]);
    value = 2;
    await expect.poll(() => reader.heard('value')).toEqual([{ value: 1 }, { value: 2 }]);
    reader.socket.destroy();
    await expect.poll(() => reader.response.destroyed).toBe(true);
    const atEnd = looks;
    const other = await open();
    await expect.poll(() => other.heard('time').length).toBeGreaterThan(1);
    expect(looks).toBe(atEnd);
  });

  it('gives who reads too slowly everything again once it reads, and keeps no more waiting for it', async () => {
    rows.clear();
    const { open, live } = await startLive({ table });
    const reader = await open('table');
    await expect.poll(() => reader.heard('table')).toEqual([{ all: [] }]);
    reader.socket.pause();
    let round = 0;
    await expect
      .poll(
        () => {
          // More than the sockets take up.
          rows.set('large', { id: 'large', value: `${round++}${'x'.repeat(4_000_000)}` });
          return reader.response.writableLength;
        },
        { timeout: 20_000 },
      )
      .toBeGreaterThan(MAX_WAITING_BYTES);
    rows.clear();
    rows.set('last', { id: 'last', value: 1 });
    // One that reads shows that this was looked at while the slow one could be sent nothing.
    const other = await open('table');
    await expect.poll(() => other.heard('table')).toEqual([{ all: [{ id: 'last', value: 1 }] }]);
    reader.socket.resume();
    await expect
      .poll(() => reader.heard('table').at(-1), { timeout: 20_000 })
      .toEqual({ all: [{ id: 'last', value: 1 }] });
    live.close();
  });

  it('goes on where one topic fails, and says so', async () => {
    const bad: Topic = { kind: 'value', look: () => Promise.reject(new Error('broken')) };
    const { open, faults } = await startLive({ bad, good: { kind: 'value', look: () => 1 } });
    const reader = await open('bad', 'good');
    await expect.poll(() => reader.heard('good')).toEqual([{ value: 1 }]);
    expect(faults).toContainEqual(new Error('broken'));
    expect(reader.heard('bad')).toEqual([]);
  });

  it('is for so many at a time, of which one operator has a quarter: a viewer locks nobody else out', async () => {
    const viewer: Operator = { name: 'local', role: 'viewer' };
    let who = viewer;
    const { open, live } = await startLive({ good: { kind: 'value', look: () => 1 } }, () => who);
    for (let nth = 0; nth < MAX_STREAMS_EACH; nth++) await open('good');
    expect(() => live.add({} as ServerResponse, ['good'], who)).toThrow('local has 8 streams open already');
    for (let nth = MAX_STREAMS_EACH; nth < MAX_STREAMS; nth++) {
      who = { name: nth < MAX_STREAMS_EACH * 2 ? 'local' : `operator ${nth}`, role: 'operator' };
      await open('good');
    }
    const overloaded = expect.objectContaining({ code: 'SWB_OVERLOADED' }) as Error;
    const invalid = expect.objectContaining({ code: 'SWB_INVALID_PARAMS' }) as Error;
    who = { name: 'somebody else', role: 'operator' };
    expect(() => live.add({} as ServerResponse, ['good'], who)).toThrow(overloaded);
    expect(() => live.add({} as ServerResponse, ['other'], who)).toThrow(invalid);
  });

  it('sends a log whole where its numbers begin again', async () => {
    let lines = [{ nr: 1 }, { nr: 2 }, { nr: 3 }];
    const log: Topic = {
      kind: 'log',
      count: () => lines.length,
      list: (after) => lines.filter(({ nr }) => nr > after),
    };
    const { open } = await startLive({ log });
    const reader = await open('log');
    await expect.poll(() => reader.heard('log')).toEqual([{ all: lines }]);
    lines = [{ nr: 1 }];
    await expect.poll(() => reader.heard('log').at(-1)).toEqual({ all: lines });
    lines.push({ nr: 2 });
    await expect.poll(() => reader.heard('log').at(-1)).toEqual({ rows: [{ nr: 2 }], skipped: 0 });
  });
});
