/** What a node has a part in at another one: it loses its part when it does not read. */
import { once } from 'node:events';
import { createServer, request } from 'node:http';
import type { IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import { expect, it, onTestFinished } from 'vitest';

import { HostedSession } from '../../src/gateway/hosted-session.ts';
import { notification } from '../../src/protocol/jsonrpc.ts';
import { ConcurrencyLimiter } from '../../src/router/concurrency-limiter.ts';
import type { Caller } from '../../src/router/exchange.ts';
import type { Loan } from '../../src/upstreams/placement.ts';

const LIMIT = 1024 * 1024;

it('a node that does not read what the member says loses its part in it, once so much waits as may', async () => {
  const callers = new Set<Caller>();
  const ended: string[] = [];
  const sessions: HostedSession[] = [];
  const loan = {
    slot: {
      upstream: 'x',
      join: (caller: Caller) => callers.add(caller),
      leave: (caller: Caller) => callers.delete(caller),
    },
    member: { era: 'legacy', version: '2025-11-25', handshakeResult: {}, whenLeaving: () => () => ended.push('watch') },
    servesSessions: true,
    end: () => ended.push('loan'),
  } as unknown as Loan;
  const server = createServer((_, response) => {
    sessions.push(
      new HostedSession({
        node: 'other',
        place: { slot: 'shared', replica: 0, lend: () => Promise.resolve(loan), giveUp: () => {} },
        loan,
        response,
        limiter: new ConcurrencyLimiter(() => ({ maxRunning: 1, maxWaiting: 1 })),
        maxQueueBytes: LIMIT,
        timeoutMs: 1000,
        onCount: () => {},
        onEnd: () => ended.push('session'),
        emit: () => {},
      }),
    );
  });
  onTestFinished(() => void server.close());
  await once(server.listen(0, '127.0.0.1'), 'listening');
  const asked = request({ port: (server.address() as AddressInfo).port });
  asked.on('error', () => {}).end();
  const [answer] = (await once(asked, 'response')) as [IncomingMessage];
  answer.on('error', () => {}).pause();
  const [caller] = callers;
  const note = notification('notifications/acme', { text: 'x'.repeat(LIMIT / 2) });
  // The system takes some of it.
  for (let sent = 0; sent < 200 && ended.length === 0; sent++) {
    caller!.notify(note);
    await new Promise(setImmediate);
  }
  await expect.poll(() => ended).toEqual(['watch', 'loan', 'session']);
  expect([sessions.length, callers.size]).toEqual([1, 0]);
  answer.destroy();
});
