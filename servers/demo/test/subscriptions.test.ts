import { PassThrough } from 'node:stream';
import { describe, expect, it } from 'vitest';
import { ListeningStdio, Subscriptions } from '../src/subscriptions.ts';

describe('stdio that knows the listen streams', () => {
  it.each([
    ['names a resource', [listen(1, ['demo://clock'])], true],
    ['names another resource', [listen(1, ['demo://notes'])], false],
    ['names no resource', [listen(1)], false],
    ['is malformed', [{ id: 1, method: 'subscriptions/listen', params: { notifications: 'all' } }], false],
    ['is cancelled', [listen(1, ['demo://clock']), cancel(1)], false],
    [
      'is one of two and the other is cancelled',
      [listen(1, ['demo://clock']), listen('1', ['demo://clock']), cancel('1')],
      true,
    ],
  ])('counts a stream that %s', async (_case, messages, held) => {
    const stdin = new PassThrough();
    const listens = new Subscriptions();
    const delivered: unknown[] = [];
    const stdio = new ListeningStdio(listens, stdin, new PassThrough());
    const sent = messages.map((message) => ({ jsonrpc: '2.0', ...message }));
    const allDelivered = new Promise<void>((resolve) => {
      stdio.onmessage = (message) => delivered.push(message) === sent.length && resolve();
    });
    await stdio.start();
    stdin.write(sent.map((message) => `${JSON.stringify(message)}\n`).join(''));
    await allDelivered;
    expect(delivered).toEqual(sent);
    expect(listens.has('demo://clock')).toBe(held);
    await stdio.close();
  });
});

function listen(id: string | number, resourceSubscriptions?: string[]): object {
  return { id, method: 'subscriptions/listen', params: { notifications: { resourceSubscriptions } } };
}

function cancel(requestId: string | number): object {
  return { method: 'notifications/cancelled', params: { requestId } };
}
