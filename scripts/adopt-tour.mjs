// From a clone to five clients whose files are adopted, and a first call through each, in a home made for it. What it prints is in
// docs/guide/adopt.md, which a test compares; how long each step took goes to stderr. With `--clone` it begins with a fresh clone.
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { createInterface } from 'node:readline';
import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { StdioClientTransport } from '@modelcontextprotocol/sdk/client/stdio.js';
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js';

import { root } from './ready.mjs';

const home = mkdtempSync(join(tmpdir(), 'switchboard-tour-'));
const clone = join(home, 'switchboard');
const port = await freePort();
const env = {
  PATH: `${dirname(process.execPath)}:${process.env.PATH}`,
  HOME: home,
  SWITCHBOARD_PORT: String(port),
  ...(process.env.npm_config_userconfig !== undefined && { npm_config_userconfig: process.env.npm_config_userconfig }),
};

/** The server that all of them have. */
const demo = { command: 'node', args: [join(clone, 'servers/demo/dist/main.js')] };
const json = (value) => `${JSON.stringify(value, undefined, 2)}\n`;
const [script] = demo.args;

/** The files of the clients, and how each reads the entry that it finds for Switchboard. */
const clients = [
  {
    name: 'Claude Desktop',
    file: '.config/Claude/claude_desktop_config.json',
    text: json({ mcpServers: { demo } }),
    entry: (text) => JSON.parse(text).mcpServers.switchboard,
  },
  {
    name: 'Cursor',
    file: '.cursor/mcp.json',
    text: json({ mcpServers: { demo } }),
    entry: (text) => JSON.parse(text).mcpServers.switchboard,
  },
  {
    name: 'VS Code',
    file: '.config/Code/User/mcp.json',
    text: `{\n  // mine\n  "servers": { "demo": ${JSON.stringify({ type: 'stdio', ...demo })} }\n}\n`,
    entry: (text) => JSON.parse(text.replace('// mine', '')).servers.switchboard,
  },
  {
    name: 'Codex',
    file: '.codex/config.toml',
    text: `model = "gpt-5" # mine\n\n[mcp_servers.demo]\ncommand = "node"\nargs = ["${script}"]\n`,
    entry: (text) => ({ url: /\[mcp_servers\.switchboard\]\nurl = "(.*)"/.exec(text)[1] }),
  },
  {
    name: 'Goose',
    file: '.config/goose/config.yaml',
    text: `extensions:\n  demo: # mine\n    type: stdio\n    cmd: node\n    args: ["${script}"]\n`,
    entry: (text) => ({ url: /switchboard:[^]*\n {4}uri: (.*)/.exec(text)[1] }),
  },
];

/** As it is everywhere: without the folders and the port of this run. */
const everywhere = (text) =>
  text
    .replaceAll(process.execPath, 'node')
    .replaceAll(root.replace(/\/$/, ''), '~/switchboard')
    .replaceAll(home, '~')
    .replaceAll(`:${port}/`, ':8765/');
const say = (text) => process.stdout.write(everywhere(text));
const startedAt = Date.now();
const stopwatch = (what) => process.stderr.write(`${((Date.now() - startedAt) / 1000).toFixed(1)} s: ${what}\n`);

/** Shows a command as it is typed, and runs it. */
function run(line, cwd = clone) {
  say(`$ ${line}\n`);
  const { status, stdout, stderr } = spawnSync('/bin/sh', ['-c', line], { cwd, env, encoding: 'utf8' });
  if (status !== 0) throw new Error(`${line} ended with ${status}: ${stderr}${stdout}`);
  return stdout;
}

async function freePort() {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port: free } = server.address();
  await new Promise((resolve) => server.close(resolve));
  return free;
}

/** A session through the entry that a client has, as that client opens it, and one call. */
async function call({ name, file, entry }) {
  const { url, command, args } = entry(readFileSync(join(home, file), 'utf8'));
  const transport =
    url === undefined
      ? new StdioClientTransport({ command, args, env, stderr: 'ignore' })
      : new StreamableHTTPClientTransport(new URL(url));
  const client = new Client({ name, version: '1' });
  await client.connect(transport);
  const { content } = await client.callTool({ name: 'add', arguments: { a: 1, b: 2 } });
  await client.close();
  return `${name}, through ${url ?? 'switchboard connect'}: 1 + 2 = ${content[0].text}\n`;
}

let serving;
try {
  for (const { file, text } of clients) {
    mkdirSync(dirname(join(home, file)), { recursive: true });
    writeFileSync(join(home, file), text);
  }
  if (process.argv.includes('--clone')) {
    spawnSync('git', ['clone', '--quiet', root, clone], { stdio: 'inherit' });
    run('npm run build');
  } else {
    symlinkSync(root.replace(/\/$/, ''), clone);
    say('$ npm run build\n');
  }
  stopwatch('built');
  say(run('npx mcp-switchboard adopt --yes'));
  stopwatch('adopted');
  const serve = 'npx mcp-switchboard serve --config ~/.config/switchboard/switchboard.json';
  say(`$ ${serve}\n`);
  serving = spawn('/bin/sh', ['-c', `exec ${serve}`], {
    cwd: clone,
    env,
    stdio: ['ignore', 'pipe', 'ignore'],
    detached: true,
  });
  for await (const each of createInterface({ input: serving.stdout })) {
    if (each.startsWith('Ctrl-C')) break;
  }
  stopwatch('serves');
  for (const line of await Promise.all(clients.map(call))) say(line);
  stopwatch('called through each');
} finally {
  if (serving !== undefined) {
    const end = once(serving, 'exit');
    process.kill(-Number(serving.pid), 'SIGTERM');
    await end;
  }
  if (existsSync(home)) rmSync(home, { recursive: true, force: true });
}
