/** Questions of servers (elicitation), answered on a terminal. */
import { spawn } from 'node:child_process';
import { describe, expect, it } from 'vitest';

import { askForm } from '../../src/cli/form.ts';
import type { Answer } from '../../src/cli/form.ts';
import { ended } from '../support/command.ts';
import { cli, servers, startGateway } from '../support/gateway.ts';

/** Answers a form with lines, as somebody types them; gives what was said and prompted too. */
async function fill(properties: object, lines: string[], required: string[] = []): Promise<[Answer, string]> {
  const shown: string[] = [];
  const answer = await askForm(
    { message: 'Which?', requestedSchema: { type: 'object', properties, required } },
    {
      say: (text) => void shown.push(text),
      ask: async (prompt) => {
        shown.push(prompt);
        return lines.shift();
      },
    },
  );
  return [answer, shown.join('\n')];
}

const colours = ['red', 'green', 'blue'];

describe('a question with a form', () => {
  it('is answered with fields of every kind', async () => {
    const [answer] = await fill(
      {
        name: { type: 'string' },
        size: { type: 'number' },
        count: { type: 'integer' },
        sure: { type: 'boolean' },
        colour: { type: 'string', enum: colours, enumNames: ['Red', 'Green', 'Blue'] },
        shape: { type: 'string', oneOf: [{ const: 'sq', title: 'Square' }] },
        several: { type: 'array', items: { type: 'string', enum: colours } },
        titled: { type: 'array', items: { anyOf: [{ const: 'a', title: 'First' }] } },
      },
      ['y', 'Ann', '1.5', '3', 'yes', '2', 'Square', '1, 3', '1'],
    );
    const content = { name: 'Ann', size: 1.5, count: 3, sure: true, colour: 'green', shape: 'sq' };
    expect(answer).toEqual({ action: 'accept', content: { ...content, several: ['red', 'blue'], titled: ['a'] } });
  });

  it('asks again for what does not fit, and leaves out what is optional and left empty', async () => {
    const [answer, shown] = await fill(
      {
        name: { type: 'string', minLength: 3 },
        size: { type: 'number', maximum: 5 },
        colour: { type: 'string', enum: colours },
        several: { type: 'array', minItems: 1, items: { type: 'string', enum: colours } },
        note: { type: 'string' },
        level: { type: 'string', default: 'info' },
      },
      ['what', 'y', '', 'An', 'Ann', 'big', '9', '4', '7', 'red', '', ',', '2', '', ''],
      ['name', 'size', 'colour', 'several'],
    );
    expect(answer).toEqual({
      action: 'accept',
      content: { name: 'Ann', size: 4, colour: 'red', several: ['green'], level: 'info' },
    });
    for (const words of ['at least 3 characters', 'expected a number', 'at most 5', '1 to 3', 'at least 1 choices']) {
      expect(shown).toContain(words);
    }
  });

  it('is declined or cancelled, at any field too, and declined where it cannot be typed', async () => {
    const field = { name: { type: 'string' } };
    expect(await fill(field, ['n'])).toMatchObject([{ action: 'decline' }, expect.any(String)]);
    expect(await fill(field, ['c'])).toMatchObject([{ action: 'cancel' }, expect.any(String)]);
    expect(await fill(field, ['y'])).toMatchObject([{ action: 'cancel' }, expect.any(String)]);
    expect(await fill({ deep: { type: 'object' } }, [])).toMatchObject([{ action: 'decline' }, expect.any(String)]);
    expect(await fill({ odd: 5 }, [])).toMatchObject([{ action: 'decline' }, expect.any(String)]);
  });

  it('lets nothing that a server says steer the terminal', async () => {
    const [, shown] = await fill({ 'a\u001b[2J': { type: 'string', title: 'x\u009b2J\r' } }, ['y', '']);
    // oxlint-disable-next-line no-control-regex
    expect(shown).not.toMatch(/[\u001b\u009b\r]/);
  });

  it.runIf(process.platform === 'linux')('is asked by call on a real terminal', async () => {
    const test = await startGateway({ upstreams: { default: servers.scripted } });
    const line = `'${process.execPath}' '${cli}' call ${test.ws} ask --args '{"message":"who?"}'`;
    const { code, stdout } = await ended(spawn('script', ['-qec', line, '/dev/null']), 'y\n');
    expect([code, stdout]).toEqual([0, expect.stringContaining('The server asks: who?')]);
    expect(stdout).toContain('"action":"accept"');
  });
});
