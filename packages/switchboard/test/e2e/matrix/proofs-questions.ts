/** What servers ask clients: elicitation, sampling, roots. */
import { expect } from 'vitest';

import type { Json } from '../../support/wire.ts';
import { askedOf, failsCleanly, failureOf, newLabel, roundTrip, saidBy } from './cell.ts';
import type { Cell, Proofs } from './cell.ts';
import type { ToolResult } from './peer.ts';
import { ROOTS } from './person.ts';

const yes = (message: string): Json => ({ action: 'accept', content: { answer: `yes to ${message}` } });
const reply = (said: string): Json => ({ role: 'assistant', content: { type: 'text', text: `reply to ${said}` } });

/** That a call fails, and that nobody at all is asked. */
const refused =
  (tool: string, args: Json = {}) =>
  async (cell: Cell): Promise<void> => {
    expect(await failsCleanly(cell.peer.call(tool, args))).toBe(true);
    await expectUnasked(cell);
  };

async function expectUnasked(cell: Cell): Promise<void> {
  await roundTrip(cell.peer);
  expect(askedOf(cell)).toEqual([]);
}

const completeAsking = ({ peer }: Cell, value: string): Promise<{ completion: { values: string[] } }> =>
  peer.client.complete({ ref: { type: 'ref/prompt', name: 'asking' }, argument: { name: 'question', value } });

export const questions: Proofs = {
  'elicit-accept': {
    async holds(cell) {
      const question = newLabel();
      expect(saidBy(await cell.peer.call('form', { question }))).toMatchObject(yes(question));
      expect(askedOf(cell)).toMatchObject([
        {
          method: 'elicitation/create',
          params: { message: question, requestedSchema: { properties: { answer: { type: 'string' } } } },
        },
      ]);
    },
    fails: refused('form', { question: 'anybody?' }),
  },
  'elicit-decline': {
    async holds({ peer }) {
      for (const action of ['decline', 'cancel'] as const) {
        peer.person.action = action;
        expect(saidBy(await peer.call('form', { question: newLabel() }))).toEqual({ action });
      }
      peer.person.action = 'accept';
      expect(peer.person.forget()).toHaveLength(2);
    },
    fails: refused('form', { question: 'nobody?' }),
  },
  'elicit-url': {
    async holds({ peer }) {
      const url = `https://example.com/${newLabel()}`;
      expect(saidBy(await peer.call('visit', { url }))).toMatchObject({ action: 'accept' });
      const [asked, ...others] = peer.person.forget();
      expect(others).toEqual([]);
      expect(asked?.params).toMatchObject({ mode: 'url', message: 'visit', url });
      const id = asked?.params?.['elicitationId'];
      expect(id).toEqual(peer.era === 'legacy' ? expect.stringMatching(/./) : undefined);
    },
    fails: refused('visit', { url: 'https://example.com/' }),
  },
  'elicit-url-error': {
    async holds({ peer }) {
      const url = `https://example.com/${newLabel()}`;
      if (peer.era === 'legacy') {
        const failure = await failureOf(peer.call('gated', { url }));
        expect(failure.code).toBe(-32042);
        expect(failure.data).toMatchObject({ elicitations: [{ mode: 'url', url }] });
        expect(peer.person.forget()).toEqual([]);
        expect((await peer.call('gated', { url })).content).toMatchObject([{ text: 'let in' }]);
      } else {
        expect((await peer.call('gated', { url })).content).toMatchObject([{ text: 'let in' }]);
        expect(peer.person.forget()).toMatchObject([{ params: { mode: 'url', message: 'first this', url } }]);
      }
    },
    async fails(cell) {
      const call = cell.peer.call('gated', { url: 'https://example.com/' });
      const [outcome] = await Promise.allSettled([call]);
      if (outcome.status === 'fulfilled') expect(outcome.value.isError).toBe(true);
      else expect(outcome.reason).toMatchObject({ code: expect.not.toBeOneOf([-32042]) });
      await expectUnasked(cell);
    },
  },
  sampling: {
    async holds(cell) {
      const said = newLabel();
      expect(saidBy(await cell.peer.call('sample', { said }))).toMatchObject(reply(said));
      expect(askedOf(cell)).toMatchObject([{ method: 'sampling/createMessage', params: { maxTokens: 5 } }]);
    },
    fails: refused('sample', { said: 'anybody?' }),
  },
  roots: {
    async holds(cell) {
      expect(saidBy(await cell.peer.call('roots'))).toMatchObject({ roots: ROOTS });
      expect(askedOf(cell)).toMatchObject([{ method: 'roots/list' }]);
    },
    fails: refused('roots'),
  },
  'questions-together': {
    async holds(cell) {
      const question = newLabel();
      expect(saidBy(await cell.peer.call('together', { question }))).toMatchObject({
        elicited: yes(question),
        sampled: reply(question),
        listed: { roots: ROOTS },
      });
      expect(askedOf(cell)).toHaveLength(3);
    },
    fails: refused('together', { question: 'anybody?' }),
  },
  'questions-in-turn': {
    async holds(cell) {
      const question = newLabel();
      const turns = [`${question} first`, `${question} second`];
      expect(saidBy(await cell.peer.call('in-turn', { question }))).toMatchObject(turns.map(yes));
      expect(askedOf(cell)).toMatchObject(turns.map((message) => ({ params: { message } })));
    },
    fails: refused('in-turn', { question: 'anybody?' }),
  },
  'question-in-prompt': {
    async holds(cell) {
      const question = newLabel();
      const { messages } = await cell.peer.client.getPrompt({ name: 'asking', arguments: { question } });
      const [message] = messages as unknown as { content: ToolResult['content'][number] }[];
      expect(JSON.parse(message!.content.text)).toMatchObject(yes(question));
      expect(askedOf(cell)).toHaveLength(1);
    },
    async fails(cell) {
      const got = cell.peer.client.getPrompt({ name: 'asking', arguments: { question: 'anybody?' } });
      expect(await failureOf(got)).toHaveProperty('code');
      await expectUnasked(cell);
    },
  },
  'question-in-resource': {
    async holds(cell) {
      const { contents } = await cell.peer.client.readResource({ uri: 'matrix://ask' });
      const [first] = contents as { text: string }[];
      expect(JSON.parse(first!.text)).toMatchObject(yes('from a resource'));
      expect(askedOf(cell)).toHaveLength(1);
    },
    async fails(cell) {
      expect(await failureOf(cell.peer.client.readResource({ uri: 'matrix://ask' }))).toHaveProperty('code');
      await expectUnasked(cell);
    },
  },
  'question-elsewhere': {
    async holds(cell) {
      const { completion } = await completeAsking(cell, 'complete?');
      expect(completion.values).toEqual(['yes to complete?']);
      expect(askedOf(cell)).toHaveLength(1);
    },
    async fails(cell) {
      const { completion } = await completeAsking(cell, 'complete?');
      expect(completion.values).toEqual([expect.stringMatching(/^refused: ./)]);
      await expectUnasked(cell);
    },
  },
};
