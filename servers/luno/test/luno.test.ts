import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { Client, InMemoryTransport } from '@modelcontextprotocol/client';
import { describe, expect, it, onTestFinished } from 'vitest';
import { ERRORS } from '../src/errors.ts';
import { createLunoServer, Luno } from '../src/index.ts';
import { normalPair } from '../src/pair.ts';
import { FakeLuno, KEY_ID, SECRET } from './support/fake-luno.ts';
import { program } from './support/session.ts';

const readme = readFileSync(new URL('../README.md', import.meta.url), 'utf8');

function start(
  args: string[],
  env: Record<string, string> = {},
): { status: number | null; stdout: string; stderr: string } {
  return spawnSync(process.execPath, [program, ...args], { encoding: 'utf8', env, input: '' });
}

describe('the program', () => {
  it('tells its options and its version', () => {
    expect(start(['--help']).stdout).toContain('--read-only');
    expect(start(['--version']).stdout).toBe('0.1.0\n');
  });

  it.each([
    [['--nonsense'], {}, '--nonsense'],
    [['--timeout', 'soon'], {}, "--timeout is 'soon'"],
    [['--calls', '0'], {}, "--calls is '0'"],
    [['--base-url', 'http://luno.example.com'], {}, 'luno.example.com'],
    [['--stream-url', 'ws://luno.example.com'], {}, 'luno.example.com'],
    [['--base-url', 'https://user:pass@luno.example.com'], {}, 'without user'],
    [[], { LUNO_API_KEY_ID: 'half' }, 'LUNO_API_SECRET is not set'],
    [[], { LUNO_API_SECRET: 'half' }, 'LUNO_API_KEY_ID is not set'],
  ])('does not start with %j and %j', (args, env, message) => {
    const { status, stderr } = start(args, env);
    expect(status).toBe(2);
    expect(stderr).toContain(message);
    expect(stderr).not.toContain('pass@');
  });
});

it('the sessions of one key share its rate and its markets', async () => {
  const fake = await FakeLuno.start();
  const luno = new Luno({ baseUrl: fake.baseUrl, credentials: { keyId: KEY_ID, secret: SECRET }, callsPerMinute: 2 });
  const first = await connect(luno);
  const second = await connect(luno);
  const tickers = { name: 'list_tickers', arguments: {} };
  for (const client of [first, second]) {
    expect((await client.callTool({ name: 'list_markets', arguments: {} })).isError).toBeUndefined();
  }
  expect(fake.seen).toHaveLength(1);
  expect((await first.callTool(tickers)).isError).toBeUndefined();
  const { content } = await second.callTool(tickers);
  expect(content).toMatchObject([
    { text: expect.stringMatching(/^rate_limited: .* retry_after_seconds: (59|60)\.$/s) },
  ]);
  expect(fake.seen).toHaveLength(2);
});

/** A client of a server in this process. */
async function connect(luno: Luno): Promise<Client> {
  const client = new Client({ name: 'test', version: '1.0.0' });
  const [near, far] = InMemoryTransport.createLinkedPair();
  const server = createLunoServer(luno);
  onTestFinished(() => server.close());
  await server.connect(far);
  await client.connect(near);
  return client;
}

it.each(['btc/zar', 'BTC-ZAR', 'xbt zar', 'XBT_ZAR', 'XBTZAR', 'btc:zar'])('understands %s as XBTZAR', (text) => {
  expect(normalPair(text)).toBe('XBTZAR');
});

it.each(['', 'XBT', 'XBT/../ZAR', 'XBTZAR?x=1'])('takes %j for no pair', (text) => {
  expect(() => normalPair(text)).toThrow('is not a currency pair');
});

describe('README.md', () => {
  it('has the tools, resources and prompts as the code has them', () => {
    const script = fileURLToPath(new URL('../scripts/readme.mjs', import.meta.url));
    const { status, stderr } = spawnSync(process.execPath, [script, '--check'], { encoding: 'utf8' });
    expect(stderr).toBe('');
    expect(status).toBe(0);
  });

  it('has every error and what to do about it', () => {
    const rows = readme.matchAll(/^\| `([a-z_]+)` \| (.+) \|$/gm);
    const table = [...rows].map(([, code, advice]) => [code, advice]);
    expect(table.filter(([code]) => code !== undefined && code in ERRORS)).toEqual(Object.entries(ERRORS));
  });
});
