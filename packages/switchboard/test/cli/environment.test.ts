/** What of Switchboard's environment a server gets, and what is said when it misses something. */
import { describe, expect, it } from 'vitest';

import { EXIT } from '../../src/cli/exit.ts';
import { childEnvironment, withheldFrom } from '../../src/gateway/child-environment.ts';
import { file, run, serve } from '../support/command.ts';
import { servers, startGateway } from '../support/gateway.ts';
import { WireClient, initializeParams, textOf } from '../support/wire.ts';

const { command, args } = servers.scripted;
const needy = { command: process.execPath, args: ['-e', 'console.error("SOME_KEY is missing"); process.exit(1)'] };

/** What a server behind `serve` has of these variables. */
async function given(flags: string[], env: Record<string, string>, words: string[] = ['--', command, ...args]) {
  const { ws } = await serve([...flags, ...words], env);
  const client = await WireClient.session(ws);
  const all = JSON.parse(textOf(await client.call(1, 'environment'))) as Record<string, string>;
  return Object.fromEntries(Object.entries(all).filter(([name]) => /^(SOME|SWITCHBOARD|OTHER)_/.test(name)));
}

describe('a server', () => {
  it('gets the variables that --env names, and no others', async () => {
    const env = { SOME_KEY: 'k', SOME_OTHER: 'o', OTHER_KEY: 'x' };
    expect(await given(['--env', 'SOME_KEY', '--env', 'OTHER_URL=http://a=b'], env)).toEqual({
      SOME_KEY: 'k',
      OTHER_URL: 'http://a=b',
    });
    expect(await given([], env)).toEqual({});
  });

  it('gets those that inheritEnv names, for it or for all, but no secret of Switchboard by a pattern', async () => {
    const env = { SOME_KEY: 'k', OTHER_KEY: 'o', SWITCHBOARD_ADMIN_TOKEN: 'x'.repeat(32) };
    const upstreams = { one: { command, args, inheritEnv: ['*_KEY'] } };
    const config = file({ upstreams });
    expect(await given(['--config', config], env, [])).toEqual({ SOME_KEY: 'k', OTHER_KEY: 'o' });
    expect(await given(['--inherit-env', 'SOME_*,SWITCHBOARD_*'], env)).toEqual({ SOME_KEY: 'k' });
    const named = childEnvironment({ SWITCHBOARD_TOKEN: 't', A_B: 'c' }, ['SWITCHBOARD_TOKEN']);
    expect(named).toEqual({ SWITCHBOARD_TOKEN: 't' });
  });

  it('that exits for a variable which is set here gets an error with the flag to add', async () => {
    const environment = { ...process.env, SOME_KEY: 'secret-value' };
    const { ws, events } = await startGateway({ upstreams: { default: needy }, environment });
    const client = await WireClient.open(ws);
    client.send({ jsonrpc: '2.0', id: 1, method: 'initialize', params: initializeParams() });
    const { error } = (await client.answer(1)) as { error: { message: string } };
    expect(error.message).toMatch(/SOME_KEY is missing\. SOME_KEY is set here.*start with --env SOME_KEY/);
    expect(JSON.stringify([error, events])).not.toContain('secret-value');
    expect(events.filter(({ type }) => type === 'upstream.withheld')).toMatchObject([{ variable: 'SOME_KEY' }]);
  });

  it('that exits for a variable which is not set here either gets no such advice', async () => {
    const { ws } = await startGateway({ upstreams: { default: needy } });
    const client = await WireClient.open(ws);
    client.send({ jsonrpc: '2.0', id: 1, method: 'initialize', params: initializeParams() });
    const { error } = (await client.answer(1)) as { error: { message: string } };
    expect(error.message).toMatch(/SOME_KEY is missing$/);
    expect(error.message).not.toContain('--env');
  });

  it('that goes on without a variable which is set here is told of in the log', async () => {
    const luno = ['--', process.execPath, new URL('../../../../servers/luno/dist/main.js', import.meta.url).pathname];
    const { ws, log } = await serve(luno, { LUNO_API_KEY_ID: 'id', LUNO_API_SECRET: 'secret' });
    await WireClient.session(ws);
    const told = (): unknown[] => log.filter(({ msg }) => msg === 'upstream.withheld').map(({ variable }) => variable);
    await expect.poll(told).toEqual(['LUNO_API_KEY_ID', 'LUNO_API_SECRET']);
  });
});

describe('--env', () => {
  it.each([
    ['without a server after --', ['serve', '--env', 'SOME_KEY=x'], 'it is for the server after --'],
    ['with a variable that is not set', ['serve', '--env', 'NOT_SET', '--', 'x'], 'NOT_SET is not set here'],
    ['with no name', ['serve', '--env', '=hidden', '--', 'x'], '"" is not the name of a variable'],
  ])('is refused as wrong usage %s, without its value', async (_, words, said) => {
    const { code, stderr } = await run(words);
    expect([code, stderr]).toEqual([EXIT.usage.code, expect.stringContaining(said)]);
    expect(stderr).not.toContain('hidden');
  });
});

it('a text names variables by whole words in capitals only', () => {
  const environment = { SOME_KEY: '1', PATH: '/', EMPTY_KEY: '', SWITCHBOARD_TOKEN: 't' };
  const text = 'set SOME_KEY, not some_key, XSOME_KEY or EMPTY_KEY; PATH and SWITCHBOARD_TOKEN are known. SOME_KEY!';
  expect(withheldFrom({ PATH: '/' }, environment, text)).toEqual(['SOME_KEY']);
});
