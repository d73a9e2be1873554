/** What happens to a call: progress, cancellation, errors, log messages. */
import { expect } from 'vitest';

import type { Json } from '../../support/wire.ts';
import { failsCleanly, failureOf, newLabel, roundTrip } from './cell.ts';
import type { Cell, Failure, Proofs } from './cell.ts';
import type { Note, Peer } from './peer.ts';

const isLog = ({ method }: Note): boolean => method === 'notifications/message';

/** What the tool logs at. */
const LEVELS = ['debug', 'info', 'warning', 'error'];

/** Has the server log at four levels, and gives the label that stands in the messages. */
async function log(peer: Peer): Promise<string> {
  const said = newLabel();
  expect((await peer.call('log', { said })).isError ?? false).toBe(false);
  return said;
}

const upTo = (last: number): number[] => Array.from({ length: last }, (_, n) => n + 1);

async function expectNoLog({ peer, bystanders }: Cell): Promise<void> {
  await log(peer);
  await roundTrip(peer);
  expect([peer, ...bystanders].flatMap(({ inbox }) => inbox.take(isLog))).toEqual([]);
}

export const calls: Proofs = {
  'tools-call': {
    async holds({ peer }) {
      expect((await peer.call('echo', { text: 'grüße \u2028 𝄞' })).content).toEqual([
        { type: 'text', text: 'grüße \u2028 𝄞' },
      ]);
    },
  },
  'calls-at-once': {
    async holds({ peer }) {
      const texts = ['one', 'two', 'three'];
      const results = await Promise.all(texts.map((text) => peer.call('echo', { text })));
      expect(results.map(({ content: [first] }) => first?.text)).toEqual(texts);
    },
  },
  progress: {
    async holds({ peer }) {
      const from = peer.heard.length;
      await peer.call('count', { to: 20 }, { onprogress: () => {} });
      const heard = peer.heard.slice(from);
      const steps = heard
        .filter(({ method }) => method === 'notifications/progress')
        .map(({ params }) => params as Json);
      expect(steps.map(({ progress, total }) => [progress, total])).toEqual(upTo(20).map((n) => [n, 20]));
      expect(new Set(steps.map(({ progressToken }) => progressToken)).size).toBe(1);
      expect(heard.at(-1)).toHaveProperty('result');
    },
  },
  'progress-seen': {
    async holds({ peer }) {
      // A client whose machine is so busy that it reads the last notes and the answer together loses those notes, however far apart
      // they came; so it may try again.
      let seen: number[] = [];
      for (let tries = 0; tries < 5 && seen.length < 20; tries++) {
        seen = [];
        await peer.call('count', { to: 20 }, { onprogress: ({ progress }) => seen.push(progress) });
      }
      expect(seen).toEqual(upTo(20));
    },
  },
  cancel: {
    async holds({ peer, stderr }) {
      const label = newLabel();
      const controller = new AbortController();
      const call = failureOf(peer.call('hang', { label }, { signal: controller.signal }));
      await stderr.next((line) => line === `hanging ${label}`, 'the call to begin');
      controller.abort('changed my mind');
      await call;
      await stderr.next((line) => line === `cancelled ${label}`, 'the server to be told');
      await roundTrip(peer);
    },
  },
  'tool-error': {
    async holds({ peer }) {
      expect(await peer.call('fail')).toMatchObject({
        isError: true,
        content: [{ type: 'text', text: 'this tool always fails' }],
      });
    },
  },
  'unknown-tool': {
    async holds({ peer }) {
      expect(await failsCleanly(peer.call('no-such-tool'))).toBe(true);
    },
  },
  'unknown-method': {
    async holds({ peer }) {
      const failure = await failureOf(peer.request('acme/nothing', { a: 1 }));
      // Over HTTP the modern era answers with status 404, whose body the SDK's client only quotes.
      const { text } = (failure.data ?? {}) as { text?: string };
      const { code } = text === undefined ? failure : (JSON.parse(text) as { error: Failure }).error;
      expect(code).toBe(-32601);
    },
  },
  'error-data': {
    async holds({ peer }) {
      const failure = await failureOf(peer.client.getPrompt({ name: 'broken' }));
      expect(failure.code).toBe(1234);
      expect(failure.message).toContain('broken on purpose');
      expect(failure.data).toEqual({ why: ['because'] });
    },
  },
  'log-level': {
    async holds({ peer, bystanders }) {
      // The second level is the higher one: a server that was told the lower one may go on sending what is below.
      for (const wanted of ['debug', 'warning'] as const) {
        await peer.setLevel(wanted);
        const said = await log(peer);
        const last = ({ params }: Note): boolean => params?.['data'] === said && params['level'] === 'error';
        const error = await peer.inbox.next(last, 'the most severe message');
        const heard = [...peer.inbox.take(isLog), error].map(({ params }) => [params?.['level'], params?.['data']]);
        expect(heard).toEqual(LEVELS.slice(LEVELS.indexOf(wanted)).map((level) => [level, said]));
      }
      await peer.setLevel(undefined);
      expect(bystanders.flatMap(({ inbox }) => inbox.take(isLog))).toEqual([]);
    },
    async fails(cell) {
      await cell.peer.setLevel('debug');
      await expectNoLog(cell);
      await cell.peer.setLevel(undefined);
    },
  },
  'log-silence': {
    async holds(cell) {
      await cell.peer.setLevel(undefined);
      await expectNoLog(cell);
    },
  },
};
