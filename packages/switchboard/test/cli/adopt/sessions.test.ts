/** Clients whose files were adopted reach their servers through the entries that stand there now. */
import { join } from 'node:path';
import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { StdioClientTransport } from '@modelcontextprotocol/sdk/client/stdio.js';
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import type { Transport } from '@modelcontextprotocol/sdk/shared/transport.js';
import { expect, it, onTestFinished } from 'vitest';

import { readConfigFile } from '../../../src/cli/config.ts';
import { makeHome } from '../../support/adopt.ts';
import { root, servers, startGateway } from '../../support/gateway.ts';
import { freePort } from '../../support/port.ts';

type Entries = Record<string, { mcpServers: { switchboard: { url: string; command: string; args: string[] } } }>;

it('opens a session through the address and through the bridge, and calls a tool of the server that was moved', async () => {
  const home = makeHome();
  const port = await freePort();
  const files = { http: '.cursor/mcp.json', stdio: '.config/Claude/claude_desktop_config.json' };
  home.write(home.configPath, { port });
  for (const file of Object.values(files))
    home.write(file, { mcpServers: { demo: servers.demo, files: servers.filesystem } });
  const program = join(root, 'packages/switchboard/bin/switchboard.js');
  await home.adopt({ yes: true }, { bridges: { here: [process.execPath, program], anywhere: ['npx'] } });

  const { upstreams } = readConfigFile(join(home.path, home.configPath), process.env, {});
  await startGateway({ port, upstreams });
  const entries = Object.fromEntries(
    Object.entries(files).map(([kind, file]) => [kind, JSON.parse(home.read(file)) as Entries[string]]),
  );
  const { url } = entries['http']!.mcpServers.switchboard;
  const { command, args } = entries['stdio']!.mcpServers.switchboard;
  const transports: Transport[] = [
    new StreamableHTTPClientTransport(new URL(url)),
    new StdioClientTransport({ command, args, stderr: 'ignore' }),
  ];
  for (const transport of transports) {
    const client = new Client({ name: 'test', version: '1' });
    onTestFinished(() => client.close());
    await client.connect(transport);
    const names = (await client.listTools()).tools.map(({ name }) => name);
    expect(names).toEqual(expect.arrayContaining(['demo__add', 'files__read_text_file']));
    const { content } = await client.callTool({ name: 'demo__add', arguments: { a: 1, b: 2 } });
    expect(content).toEqual([expect.objectContaining({ text: '3' })]);
  }
}, 15_000);
