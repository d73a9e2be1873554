/** The entry for one client, printed or put into its file, with a key or a certificate where they are needed. */
import { chmodSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { StdioClientTransport } from '@modelcontextprotocol/sdk/client/stdio.js';
import { describe, expect, it, onTestFinished } from 'vitest';

import { readHeaders } from '../../../src/cli/client-flags.ts';
import { CLIENTS, CLIENT_IDS } from '../../../src/cli/adopt/clients.ts';
import { connectClient, exportFor } from '../../../src/cli/adopt/connect-client.ts';
import type { ConnectClientFlags, EntryFlags } from '../../../src/cli/adopt/connect-client.ts';
import { parseDocument } from '../../../src/cli/adopt/format.ts';
import { loadFormat } from '../../../src/cli/adopt/formats.ts';
import { startWithKeys } from '../../support/access.ts';
import { BRIDGES, URL_OF_ALL, changedSince, cursor, failure, makeHome, one, servers } from '../../support/adopt.ts';
import type { Home } from '../../support/adopt.ts';
import { root } from '../../support/gateway.ts';

const name = 'switchboard';

async function exported(client: string, flags: Partial<EntryFlags> = {}, home: Home = makeHome()): Promise<string> {
  const { situation, said } = home.situation();
  await exportFor(client, { name, ...flags }, situation);
  return said.join('\n');
}

async function connected(
  home: Home,
  client: string,
  flags: Partial<ConnectClientFlags> = {},
  answers?: boolean[],
): Promise<string> {
  const { situation, said } = home.situation(answers === undefined ? {} : { answers });
  await connectClient(client, { name, yes: answers === undefined, ...flags }, situation);
  return said.join('\n');
}

describe('export', () => {
  it.each(CLIENT_IDS)('prints an entry for %s that its format has, and that leads to Switchboard', async (id) => {
    const { format, block } = CLIENTS[id]!;
    const text = await exported(id);
    const entries = parseDocument(await loadFormat(format), text).entries([block]);
    expect(entries.map((entry) => entry.name)).toEqual([name]);
    expect(text).toMatch(/"?(?:http|ws):\/\/127\.0\.0\.1:8765\/mcp"?/);
  });

  it('prints what stands in the file, in its own format', async () => {
    expect(await exported('zed')).toBe(`{\n  "context_servers": { "switchboard": { "url": "${URL_OF_ALL}" } }\n}`);
    expect(await exported('codex', { tokenVariable: 'SWITCHBOARD_KEY', url: 'https://mcp.example.com/mcp' })).toBe(
      '[mcp_servers.switchboard]\nurl = "https://mcp.example.com/mcp"\nbearer_token_env_var = "SWITCHBOARD_KEY"',
    );
    expect(await exported('continue', { name: 'all' })).toBe(
      `mcpServers:\n  - name: all\n    type: streamable-http\n    url: ${URL_OF_ALL}`,
    );
  });

  it.each([
    ['claude-code', '"headers": { "Authorization": "Bearer ${SWITCHBOARD_KEY}" }'],
    ['cursor', '"headers": { "Authorization": "Bearer ${env:SWITCHBOARD_KEY}" }'],
    ['opencode', '"headers": { "Authorization": "Bearer {env:SWITCHBOARD_KEY}" }'],
  ])('lets %s fill in the key', async (client, header) => {
    expect(await exported(client, { tokenVariable: 'SWITCHBOARD_KEY' })).toContain(header);
  });

  it('lets the client start connect, which has the key and the certificates', async () => {
    const home = makeHome();
    const flags = { url: 'https://mcp.example.com/mcp', tokenFile: 'ann.key', ca: 'ca.pem' };
    const { mcpServers } = JSON.parse(await exported('lm-studio', flags, home)) as { mcpServers: object };
    const [command, script] = BRIDGES.here;
    const files = ['--token-file', join(home.project, 'ann.key'), '--ca', join(home.project, 'ca.pem')];
    expect(mcpServers).toEqual({
      switchboard: { command, args: [script, 'connect', 'wss://mcp.example.com/mcp', ...files] },
    });
    expect(await exported('goose', flags, home)).toContain('cmd: /opt/node\n    args:\n      - /opt/switchboard.js\n');
  });

  it.each<[string, Partial<EntryFlags>, RegExp]>([
    ['nobody', {}, /--for: unknown client "nobody"; there are: claude-desktop, /],
    ['zedd', {}, /Did you mean "zed"\?/],
    ['constructor', {}, /unknown client/],
    ['zed', { tokenVariable: 'KEY' }, /Zed fills in no variables; use --token-file/],
    ['cursor', { tokenVariable: '${X}' }, /expected the name of an environment variable/],
    ['cursor', { tokenVariable: 'A', tokenFile: 'b' }, /give one of the two/],
    ['cursor', { tokenVariable: 'A', ca: 'b' }, /Cursor needs switchboard connect for --ca/],
    ['cursor', { url: 'ws://127.0.0.1/mcp' }, /expected an address with http or https/],
    ['cursor', { url: 'https://me:secret@example.com/mcp' }, /without a name or password in it\S*$/],
  ])('refuses for %s %j', async (client, flags, why) => {
    expect(await failure(exported(client, flags))).toMatchObject({
      code: 'SWB_USAGE',
      message: expect.stringMatching(why) as string,
    });
  });
});

describe('connect-client', () => {
  it('adds the entry, and keeps every other byte until it is undone', async () => {
    const home = makeHome();
    home.write(cursor, '{\n  // mine\n  "mcpServers": {\n    "one": { "command": "one" }, // first\n  },\n}\n');
    const before = home.all();
    expect(await connected(home, 'cursor', {}, [true])).toContain(`+ "switchboard": { "url": "${URL_OF_ALL}" }`);
    expect(home.read(cursor)).toBe(
      `{\n  // mine\n  "mcpServers": {\n    "one": { "command": "one" },\n    "switchboard": { "url": "${URL_OF_ALL}" } // first\n  },\n}\n`,
    );
    expect(await connected(home, 'cursor')).toBe('Cursor has this entry already.');
    await connected(home, 'cursor', { tokenVariable: 'KEY' });
    expect(home.read(cursor)).toContain('"Bearer ${env:KEY}"');
    await home.adopt({ undo: true, yes: true });
    expect(changedSince(home, before)).toEqual([]);
  });

  it('makes the file of a client that has none, and takes it away again', async () => {
    const home = makeHome();
    await connected(home, 'codex');
    expect(home.read('.codex/config.toml')).toBe(`[mcp_servers.switchboard]\nurl = "${URL_OF_ALL}"\n`);
    await connected(home, 'junie', { project: '.' });
    expect(JSON.parse(home.read('project/.junie/mcp/mcp.json'))).toMatchObject({
      mcpServers: {
        switchboard: { command: 'npx', args: ['-y', 'mcp-switchboard', 'connect', 'ws://127.0.0.1:8765/mcp'] },
      },
    });
    await home.adopt({ undo: true, yes: true });
    expect(home.all()).toEqual({});
  });

  it('changes nothing without a yes', async () => {
    const home = makeHome();
    expect(await connected(home, 'cursor', {}, [false])).toContain('Nothing was changed.');
    expect(await failure(connected(home, 'cursor', {}, []))).toMatchObject({ code: 'SWB_USAGE' });
    expect(home.all()).toEqual({});
  });

  it.each<[string, string, Partial<ConnectClientFlags>, RegExp]>([
    ['a path in a file that is carried elsewhere', 'vscode', { tokenFile: 'a.key' }, /use --token-variable/],
    ['a path in a file of a project', 'cursor', { project: '.', ca: 'ca.pem' }, /is carried to other machines/],
    ['a file that is not changed any more', 'roo', {}, /is not changed any more/],
    ['a client without a file of that kind', 'jetbrains-air', {}, /name one with --project/],
    ['a name that another server has', 'cursor', { name: 'one' }, /Cursor has a server "one" already/],
  ])('refuses %s', async (_, client, flags, why) => {
    const home = makeHome();
    home.write(cursor, servers({ one }));
    const before = home.all();
    expect(await failure(connected(home, client, flags))).toMatchObject({
      code: 'SWB_USAGE',
      message: expect.stringMatching(why) as string,
    });
    expect(changedSince(home, before)).toEqual([]);
  });

  it('lets a client that speaks only stdio open a session with a key, which is in none of its files', async () => {
    const test = await startWithKeys();
    const home = makeHome();
    const keyFile = home.write('ann.key', `${test.ann}\n`, 0o600);
    const { situation } = home.situation({
      bridges: { ...BRIDGES, here: [process.execPath, join(root, 'packages/switchboard/bin/switchboard.js')] },
    });
    await connectClient('claude-desktop', { name, yes: true, url: test.http, tokenFile: keyFile }, situation);
    const file = home.read('.config/Claude/claude_desktop_config.json');
    expect(file).not.toContain(test.ann);
    const { command, args } = (JSON.parse(file) as { mcpServers: Record<string, { command: string; args: string[] }> })
      .mcpServers[name]!;
    const client = new Client({ name: 'test', version: '1' });
    onTestFinished(() => client.close());
    await client.connect(new StdioClientTransport({ command, args, stderr: 'ignore' }));
    expect((await client.listTools()).tools.length).toBeGreaterThan(0);
    expect(test.gateway.stats.connections).toBe(1);
  }, 15_000);
});

describe('--token-file', () => {
  const header: string[] = [];

  it('is sent as Authorization, beside other headers', () => {
    const file = makeHome().write('a.key', ' k-1 \n', 0o600);
    expect(readHeaders({ header: ['X-A: 1'], tokenFile: file })).toEqual({ 'X-A': '1', Authorization: 'Bearer k-1' });
  });

  it('is refused where others can read it, where there is none or no token in it, and beside another Authorization', () => {
    const file = makeHome().write('a.key', 'k-1\n', 0o600);
    expect(() => readHeaders({ header: ['authorization: x'], tokenFile: file })).toThrow(/give one of the two/);
    expect(() => readHeaders({ header, tokenFile: `${file}x` })).toThrow(/a\.keyx cannot be read \(ENOENT\)/);
    chmodSync(file, 0o640);
    expect(() => readHeaders({ header, tokenFile: file })).toThrow(/others can read .*; run chmod 600 on it/);
    chmodSync(file, 0o600);
    writeFileSync(file, 'two words');
    expect(() => readHeaders({ header, tokenFile: file })).toThrow(/expected one key or token in/);
  });
});
