// Published servers behind Switchboard, and published clients before it: `node scripts/compatibility.mjs [folder]`. It installs them into a
// temporary folder, or into the one given, which is kept; tries each; and writes docs/reference/compatibility.md. It needs the npm registry,
// so it is no part of the checks.
import { execFileSync, spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';

import { CLIENTS, WAYS } from './compatibility/clients.mjs';
import { SERVERS } from './compatibility/servers.mjs';
import { root } from './ready.mjs';

const CLI = join(root, 'packages/switchboard/bin/switchboard.js');
const DEMO = join(root, 'servers/demo/dist/main.js');
const PAGE = join(root, 'docs/reference/compatibility.md');
/** A first start may compile much. */
const START_MS = 60_000;
const CLIENT_MS = 30_000;

const [kept] = process.argv.slice(2);
const folder = kept ?? mkdtempSync(join(tmpdir(), 'compatibility-'));
const running = new Set();

/** Installs packages, without their install scripts: what those download is not needed to list tools. */
function install(name, packages) {
  const place = join(folder, name);
  execFileSync('mkdir', ['-p', place]);
  writeFileSync(join(place, 'package.json'), JSON.stringify({ private: true, type: 'module' }));
  writeFileSync(join(place, 'load.mjs'), 'export const load = (name) => import(name);\n');
  const flags = ['--no-audit', '--no-fund', '--ignore-scripts', '--legacy-peer-deps', '--loglevel=error'];
  console.log(`Installing ${packages.length} packages for ${name} …`);
  execFileSync('npm', ['install', ...flags, ...packages], { cwd: place, stdio: 'inherit' });
  return place;
}

const manifest = (place, name) => JSON.parse(readFileSync(join(place, 'node_modules', name, 'package.json'), 'utf8'));

/** The program that a package brings. */
function program(place, name, bin) {
  const { bin: bins, name: own } = manifest(place, name);
  const table = typeof bins === 'string' ? { [own]: bins } : bins;
  return join(place, 'node_modules', name, table[bin] ?? Object.values(table)[0]);
}

async function freePort() {
  const server = createServer().listen(0, '127.0.0.1');
  await new Promise((resolve) => server.once('listening', resolve));
  const { port } = server.address();
  await new Promise((resolve) => server.close(resolve));
  return port;
}

/** Starts a Switchboard with these servers. */
async function serve(upstreams) {
  const port = await freePort();
  const config = join(folder, `${port}.json`);
  writeFileSync(config, JSON.stringify({ upstreams, sse: true, startTimeout: '60s', rateLimit: 'unlimited' }));
  const child = spawn(process.execPath, [CLI, 'serve', '--config', config, '--port', String(port)], {
    stdio: 'ignore',
  });
  running.add(child);
  const origin = `http://127.0.0.1:${port}`;
  const until = Date.now() + START_MS;
  while (Date.now() < until) {
    try {
      if ((await fetch(`${origin}/healthz`)).ok) return origin;
    } catch {
      await new Promise((resolve) => setTimeout(resolve, 200));
    }
  }
  throw new Error('Switchboard did not start');
}

/** What the work gives, or its error as text. */
async function attempt(work, ms) {
  let timer;
  const late = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new Error(`nothing within ${ms / 1000} s`)), ms);
  });
  try {
    return { value: await Promise.race([work(), late]) };
  } catch (error) {
    return {
      error: String(error?.message ?? error)
        .split('\n')[0]
        .slice(0, 120),
    };
  } finally {
    clearTimeout(timer);
  }
}

/** With all keys in order: SDKs write them in different ones. */
function ordered(value) {
  if (Array.isArray(value)) return value.map(ordered);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.keys(value)
      .toSorted()
      .map((key) => [key, ordered(value[key])]),
  );
}

const known = ({ name, description, inputSchema }) => [name, description, inputSchema];
const same = (one, other) => {
  const text = (tools) => JSON.stringify(ordered(tools.map(known).toSorted(([a], [b]) => (a < b ? -1 : 1))));
  return text(one) === text(other);
};

/** The tools that a client of SDK v1 or v2 lists. */
async function toolsOf(client, transport) {
  await client.connect(transport);
  try {
    const { tools } = await client.listTools();
    return tools;
  } finally {
    await client.close().catch(() => {});
  }
}

async function tryServers() {
  const place = install(
    'servers',
    SERVERS.map(({ name }) => name),
  );
  const clients = install('listing', ['@modelcontextprotocol/sdk', '@modelcontextprotocol/client']);
  const { load } = await import(pathToFileURL(join(clients, 'load.mjs')).href);
  const { Client: V1 } = await load('@modelcontextprotocol/sdk/client/index.js');
  const { StdioClientTransport } = await load('@modelcontextprotocol/sdk/client/stdio.js');
  const { StreamableHTTPClientTransport } = await load('@modelcontextprotocol/sdk/client/streamableHttp.js');
  const v2 = await load('@modelcontextprotocol/client');
  const env = { PATH: process.env.PATH, HOME: folder };
  const entries = SERVERS.map(({ name, args = () => [], bin }) => ({
    name,
    key: name.replace(/[^A-Za-z0-9]+/g, '-').replace(/^-/, ''),
    command: process.execPath,
    args: [program(place, name, bin), ...args(folder)],
    version: manifest(place, name).version,
  }));
  const upstreams = Object.fromEntries(
    entries.map(({ key, command, args }) => [key, { command, args, env: { HOME: folder } }]),
  );
  const origin = await serve(upstreams);
  const rows = [];
  for (const { name, key, version, command, args } of entries) {
    const info = { name: 'compatibility', version: '1' };
    const direct = await attempt(
      () => toolsOf(new V1(info, {}), new StdioClientTransport({ command, args, env, stderr: 'ignore', cwd: folder })),
      START_MS,
    );
    const url = new URL(`${origin}/mcp/${key}`);
    const legacy = await attempt(() => toolsOf(new V1(info, {}), new StreamableHTTPClientTransport(url)), START_MS);
    const modernClient = new v2.Client(info, { versionNegotiation: { mode: { pin: '2026-07-28' } } });
    const modern = await attempt(() => toolsOf(modernClient, new v2.StreamableHTTPClientTransport(url)), START_MS);
    const compare = (found) =>
      found.error ??
      (direct.value === undefined ? 'starts' : same(direct.value, found.value) ? 'same' : 'another list');
    const row = {
      name,
      version,
      tools: direct.value?.length ?? direct.error,
      legacy: compare(legacy),
      modern: compare(modern),
    };
    rows.push(row);
    console.log(JSON.stringify(row));
  }
  return rows;
}

async function tryClients() {
  const place = install(
    'clients',
    CLIENTS.flatMap(({ packages }) => packages),
  );
  const { load } = await import(pathToFileURL(join(place, 'load.mjs')).href);
  // Node 20 has none of its own, which the transports of the SDK use.
  globalThis.WebSocket ??= (await load('ws')).WebSocket;
  const origin = await serve({ default: { command: process.execPath, args: [DEMO] } });
  const given = {
    http: `${origin}/mcp`,
    sse: `${origin}/sse`,
    ws: `${origin.replace('http', 'ws')}/mcp`,
    connect: { command: process.execPath, args: [CLI, 'connect', `${origin}/mcp`] },
  };
  const rows = [];
  for (const { title, alias, ways } of CLIENTS) {
    const row = { title, version: manifest(place, alias).version };
    for (const way of WAYS) {
      const run = ways[way];
      if (run === undefined) continue;
      const context = { load, given, folder: place, program: (name, bin) => program(place, name, bin) };
      const outcome = await attempt(() => run(context), CLIENT_MS);
      row[way] = outcome.error ?? (outcome.value.includes('echo') ? 'yes' : `lists ${outcome.value.join(', ')}`);
    }
    rows.push(row);
    console.log(JSON.stringify(row));
  }
  return rows;
}

const line = (cells) => `| ${cells.map((cell) => String(cell).replaceAll('|', '\\|')).join(' | ')} |`;
const table = (head, rows) => [line(head), line(head.map(() => '---')), ...rows.map(line)].join('\n');

function page(servers, clients) {
  const { version } = JSON.parse(readFileSync(join(root, 'packages/switchboard/package.json'), 'utf8'));
  const started = servers.filter(({ tools }) => typeof tools === 'number');
  const others = servers.filter(({ tools }) => typeof tools !== 'number');
  const titles = { http: 'Streamable HTTP', sse: 'SSE of 2024', ws: 'WebSocket', connect: '`switchboard connect`' };
  return `# Compatibility with published servers and clients

What \`node scripts/compatibility.mjs\` found with Switchboard ${version} on Node ${process.versions.node}, on ${new Date().toISOString().slice(0, 10)}. It installs the
newest versions for this Node from the npm registry, without their install scripts, and runs them without credentials. Run it again
to renew this page.

## Servers

Each server is started directly over stdio by the newest SDK v1, and behind Switchboard. "same" means that a legacy client (2025-11-25) or a
modern one (2026-07-28) gets the same tools with the same descriptions and schemas.

${table(
  ['server', 'version', 'tools', 'legacy client', 'modern client'],
  started.map(({ name, version: of, tools, legacy, modern }) => [`\`${name}\``, of, tools, legacy, modern]),
)}
${
  others.length === 0
    ? ''
    : `
These do not start directly here, without credentials or without what they need:

${table(
  ['server', 'version', 'directly', 'behind Switchboard'],
  others.map(({ name, version: of, tools, legacy }) => [`\`${name}\``, of, tools, legacy]),
)}
`
}
## Clients

Each client connects, lists the tools of the demo server, and finds \`echo\` among them. A dash: the client has no
such way; that of 2024 has no modern era.

${table(
  ['client', 'version', ...WAYS.map((way) => titles[way])],
  clients.map((row) => [row.title, row.version, ...WAYS.map((way) => row[way] ?? '–')]),
)}
`;
}

try {
  const clients = await tryClients();
  const servers = await tryServers();
  writeFileSync(PAGE, page(servers, clients));
  const bad = servers.flatMap(({ tools, legacy, modern }) => (typeof tools === 'number' ? [legacy, modern] : []));
  const failed = [
    ...bad.filter((cell) => cell !== 'same'),
    ...clients.flatMap((row) => WAYS.map((way) => row[way] ?? 'yes')),
  ];
  process.exitCode = failed.some((cell) => cell !== 'yes') ? 1 : 0;
  console.log(`Wrote ${PAGE}`);
} finally {
  for (const child of running) child.kill();
  if (kept === undefined) rmSync(folder, { recursive: true, force: true });
}
// Clients that were given up may still wait for something.
setTimeout(() => process.exit(), 2000).unref();
