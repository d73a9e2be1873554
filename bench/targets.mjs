/** What is compared: how each target is started, and how the load generator speaks to it. */
import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

export const here = dirname(fileURLToPath(import.meta.url));
const node = process.execPath;
const CHILD = [node, 'child.mjs'];
const GATEWAY = join(here, '../packages/switchboard/dist/cli/main.js');

const package_ = (name) => JSON.parse(readFileSync(join(here, 'node_modules', name, 'package.json'), 'utf8'));
const bin = (name) => join(here, 'node_modules', name, package_(name).bin[name]);
export const versions = () =>
  ['ws', 'supergateway', 'mcp-proxy', '@modelcontextprotocol/sdk'].map((name) => `${name} ${package_(name).version}`);

const ours = (link, isolation) => () => [
  [GATEWAY, 'serve', '--port', '0', '--transport', 'all', '--isolation', isolation, '--rate-limit', 'unlimited'],
  ['--max-connections', '20000', '--log-level', 'warn', '--', ...CHILD],
];
const oursUrl = { ws: /ws:\/\/127\.0\.0\.1:\d+\/mcp/, http: /http:\/\/127\.0\.0\.1:\d+\/mcp/ };

const supergateway =
  (...options) =>
  (port) => [[bin('supergateway'), '--stdio', `"${node}" child.mjs`, '--logLevel', 'none', '--port', port, ...options]];
const mcpProxy = (port) => [
  [bin('mcp-proxy'), '--host', '127.0.0.1', '--port', port, '--server', 'stream', '--no-eventStore', '--', ...CHILD],
];

/**
 * args: what Node is given. ready: where to find the address in its output; without it the port is polled.
 * own: every session has its own child, so fewer clients. echo: answers the request itself.
 */
export const targets = [
  { key: 'ws-echo', name: 'bare `ws` echo', link: 'ws', echo: true, args: (port) => [['floor.mjs', port]] },
  { key: 'pipe', name: 'stdio child, pipe', link: 'pipe', command: CHILD },
  {
    key: 'minimal-ws',
    name: 'minimal gateway, WebSocket',
    link: 'ws',
    args: (port) => [['minimal.mjs', port, ...CHILD]],
  },
  { key: 'ours-ws', name: '**Switchboard, WebSocket**', link: 'ws', args: ours('ws', 'shared'), ready: oursUrl.ws },
  {
    key: 'supergateway-ws',
    name: 'supergateway, WebSocket',
    link: 'ws',
    args: supergateway('--outputTransport', 'ws', '--messagePath', '/mcp'),
  },
  {
    key: 'minimal-http',
    name: 'minimal gateway, HTTP',
    link: 'http',
    args: (port) => [['minimal.mjs', port, ...CHILD]],
  },
  { key: 'ours-http', name: '**Switchboard, HTTP**', link: 'http', args: ours('http', 'shared'), ready: oursUrl.http },
  {
    key: 'ours-modern',
    name: '**Switchboard, modern HTTP**',
    link: 'modern',
    args: ours('http', 'shared'),
    ready: oursUrl.http,
  },
  { key: 'mcp-proxy', name: 'mcp-proxy, HTTP', link: 'http', args: mcpProxy },
  { key: 'sdk-http', name: 'SDK v1 in process, HTTP', link: 'http', args: (port) => [['sdk.mjs', port]] },
  { key: 'sdk2-modern', name: 'SDK v2 in process, modern HTTP', link: 'modern', args: (port) => [['sdk2.mjs', port]] },
  {
    key: 'ours-ws-own',
    name: '**Switchboard, WebSocket**, own child',
    link: 'ws',
    own: true,
    args: ours('ws', 'session'),
    ready: oursUrl.ws,
  },
  {
    key: 'ours-http-own',
    name: '**Switchboard, HTTP**, own child',
    link: 'http',
    own: true,
    args: ours('http', 'session'),
    ready: oursUrl.http,
  },
  {
    key: 'supergateway-http',
    name: 'supergateway, HTTP, own child',
    link: 'http',
    own: true,
    args: supergateway('--outputTransport', 'streamableHttp', '--stateful', '--sessionTimeout', '60000'),
  },
];
export const gateway = GATEWAY;
