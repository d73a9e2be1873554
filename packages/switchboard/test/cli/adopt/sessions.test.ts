/** Clients whose files were adopted reach their servers through the entries that stand there now, each read as that client reads it. */
import { existsSync } from 'node:fs';
import { join, relative } from 'node:path';
import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { StdioClientTransport } from '@modelcontextprotocol/sdk/client/stdio.js';
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import { expect, it, onTestFinished } from 'vitest';
import { z } from 'zod';

import { CLIENTS, CLIENT_IDS } from '../../../src/cli/adopt/clients.ts';
import { changeText, parseDocument } from '../../../src/cli/adopt/format.ts';
import { loadFormat } from '../../../src/cli/adopt/formats.ts';
import { placesOf } from '../../../src/cli/adopt/places.ts';
import { readConfigFile } from '../../../src/cli/config.ts';
import { makeHome } from '../../support/adopt.ts';
import type { Home } from '../../support/adopt.ts';
import { root, servers, startGateway } from '../../support/gateway.ts';
import { freePort } from '../../support/port.ts';

const url = z.url({ protocol: /^http$/ });
const address = z.strictObject({ url }).transform((entry) => ({ url: entry.url }));
const typed = (type: string) =>
  z.strictObject({ type: z.literal(type), url }).transform((entry) => ({ url: entry.url }));
const command = z.strictObject({ command: z.string(), args: z.array(z.string()) });

/** What each client takes for a server, by its documentation: nothing but this may be in the entry. */
const READERS: Readonly<Record<string, z.ZodType<{ url: string } | { command: string; args: string[] }>>> = {
  'claude-desktop': command,
  'claude-code': typed('http'),
  cursor: address,
  vscode: typed('http'),
  devin: z.strictObject({ transport: z.literal('http'), url }).transform((entry) => ({ url: entry.url })),
  windsurf: z.strictObject({ serverUrl: url }).transform((entry) => ({ url: entry.serverUrl })),
  codex: address,
  gemini: z.strictObject({ httpUrl: url }).transform((entry) => ({ url: entry.httpUrl })),
  opencode: typed('remote'),
  zed: address,
  cline: typed('streamableHttp'),
  continue: z
    .strictObject({ name: z.string(), type: z.literal('streamable-http'), url })
    .transform((entry) => ({ url: entry.url })),
  goose: z
    .strictObject({
      enabled: z.literal(true),
      type: z.literal('streamable_http'),
      name: z.string(),
      description: z.string(),
      timeout: z.number(),
      uri: url,
    })
    .transform((entry) => ({ url: entry.uri })),
  'lm-studio': address,
  kiro: address,
  copilot: z
    .strictObject({ type: z.literal('http'), url, tools: z.tuple([z.literal('*')]) })
    .transform((entry) => ({ url: entry.url })),
  warp: address,
  'jetbrains-air': typed('http'),
  junie: command,
};

/** How some clients write the command of a server. */
const WRITTEN: Readonly<Record<string, (server: typeof servers.demo) => object>> = {
  opencode: (server) => ({ type: 'local', command: [server.command, ...server.args] }),
  goose: (server) => ({ type: 'stdio', cmd: server.command, args: server.args }),
};

/** Where a client has its file on the platform of a home. */
function fileOf(id: string, home: Home): string {
  const { files, project } = CLIENTS[id]!;
  const [first] = files(placesOf(home.situation().situation)).flat();
  const path = first ?? join(home.project, project![0]![0]!);
  return relative(home.path, path);
}

it.each(['linux', 'darwin', 'win32'] as const)(
  'each client of %s opens a session through its entry, and calls a tool of the server that was moved',
  async (platform) => {
    const home = makeHome(platform);
    const port = await freePort();
    home.write(home.configPath, { port });
    const ids = CLIENT_IDS.filter((id) => CLIENTS[id]!.isReadOnly === undefined);
    expect(ids).toEqual(Object.keys(READERS));
    for (const id of ids) {
      const { format, block, isList } = CLIENTS[id]!;
      const value = WRITTEN[id]?.(servers.demo) ?? servers.demo;
      const change = { path: [block], isList: isList === true, add: [{ name: 'demo', value }] };
      home.write(fileOf(id, home), changeText(await loadFormat(format), format === 'jsonc' ? '{}\n' : '', [change]));
    }
    const before = home.all();
    const program = join(root, 'packages/switchboard/bin/switchboard.js');
    const here = [process.execPath, program] as const;
    await home.adopt({ yes: true, project: '.' }, { bridges: { here, anywhere: here } });

    const { upstreams } = readConfigFile(join(home.path, home.configPath), process.env, {});
    // One process for all sessions: it is the entries that are tried here.
    await startGateway({ port, upstreams: { demo: { ...upstreams['demo']!, isolation: 'shared' } } });
    const bridges = new Set<string>();
    for (const id of ids) {
      const { format, block } = CLIENTS[id]!;
      const document = parseDocument(await loadFormat(format), home.read(fileOf(id, home)));
      const [entry, ...others] = document.entries([block]);
      expect([entry!.name, others], id).toEqual(['switchboard', []]);
      const found = READERS[id]!.parse(entry!.value);
      // Two clients with one command would tell the same twice, and each costs a process.
      if ('command' in found && bridges.size === bridges.add(JSON.stringify(found)).size) continue;
      const client = new Client({ name: id, version: '1' });
      onTestFinished(() => client.close());
      await client.connect(
        'url' in found
          ? new StreamableHTTPClientTransport(new URL(found.url))
          : new StdioClientTransport({ ...found, stderr: 'ignore' }),
      );
      const { content } = await client.callTool({ name: 'add', arguments: { a: 1, b: 2 } });
      expect(content, id).toEqual([expect.objectContaining({ text: '3' })]);
    }
    expect(bridges.size).toBe(1);
    await home.adopt({ undo: true, yes: true });
    expect(home.all()).toEqual(before);
    expect(existsSync(join(home.path, '.local/state/switchboard'))).toBe(false);
  },
);
