/**
 * Compiled, never run: which configurations a program can write. Each line below `@ts-expect-error` is wrong, and the compiler has to
 * say so; it also says so when one of them turns out to be right.
 */
import { createServer } from 'node:http';

import { createGateway } from 'mcp-switchboard';
import type { GatewayOptions, SettingsInput, UpstreamOptions } from 'mcp-switchboard';
import { connect } from 'mcp-switchboard/client';
import { WebSocketClientTransport, WebSocketServerTransport } from 'mcp-switchboard/websocket';

const upstreams: Record<string, UpstreamOptions> = {
  command: {
    command: 'node',
    args: ['server.js'],
    env: { KEY: '${caller.header:X-Key}' },
    inheritEnv: ['LUNO_*'],
    maxMemory: '512MiB',
    isolation: 'pool',
    members: 3,
    maxAge: '12h',
    requestTimeout: 30,
    timeouts: { slow: '10m' },
    tools: { allow: ['read_*'], deny: ['read_secret'] },
    describe: { read_file: 'Reads a file' },
    era: 'legacy',
  },
  url: {
    url: 'https://mcp.example.com/mcp',
    headers: { 'X-Key': 'value' },
    oauth: { tokenUrl: 'https://auth.example.com/token', clientId: 'id', clientSecret: 'secret', scope: 'read' },
    tls: { ca: 'ca.pem' },
    warm: 'auto',
  },
};

export const good: GatewayOptions = {
  upstreams,
  transport: ['websocket', 'stdio'],
  host: '127.0.0.1',
  port: 0,
  isolation: 'principal',
  warm: 'auto',
  rest: 'off',
  sse: true,
  maxConnections: 100,
  maxConnectionsPerAddress: 'half',
  maxMessageSize: '8MiB',
  maxQueueSize: 1024 * 1024,
  rateLimit: 'unlimited',
  addressRateLimit: 'auto',
  requestTimeout: '1.5h',
  livenessInterval: 'never',
  statsInterval: undefined,
  allowedOrigins: ['https://app.example.com'],
  allowedHosts: 'a.example.com,b.example.com',
  logLevel: 'silent',
  adminPort: 'off',
  jwt: { issuer: 'https://issuer.example.com', audience: ['a', 'b'], clockSkew: '10s' },
  roles: { reader: { readOnly: true, limits: { requestsPerMinute: 10, maxMessageSize: '1MiB' } } },
  onEvent: ({ type }) => type.length,
};
const gateway = createGateway(good);
export const milliseconds: number = gateway.settings.requestTimeout;
gateway.reload({ upstreams, maxConnections: 10 });

// @ts-expect-error: no isolation of that name
createGateway({ upstreams, isolation: 'shred' });
// @ts-expect-error: a list is no port
createGateway({ upstreams, port: [1] });
// @ts-expect-error: no option of that name
createGateway({ upstreams, maxConections: 10 });
// @ts-expect-error: no duration
createGateway({ upstreams, requestTimeout: '5 minutes' });
// @ts-expect-error: only some durations can be "never"
createGateway({ upstreams, requestTimeout: 'never' });
// @ts-expect-error: no size
createGateway({ upstreams, maxMessageSize: '4 apples' });
// @ts-expect-error: a switch is on or off
createGateway({ upstreams, sse: 'yes' });
// @ts-expect-error: no transport of that name
createGateway({ upstreams, transport: 'websockets' });
// @ts-expect-error: a count is a number
createGateway({ upstreams, maxConnections: 'many' });
// @ts-expect-error: no level of that name
createGateway({ upstreams, logLevel: 'verbose' });
// @ts-expect-error: an upstream is needed
createGateway({ port: 0 });
// @ts-expect-error: the same at a reload
gateway.reload({ upstreams, isolation: 'shred' });
// @ts-expect-error: settings are read only as what they are
gateway.settings.port.toUpperCase();

// @ts-expect-error: neither a command nor a URL nor a server
createGateway({ upstreams: { a: { args: ['server.js'] } } });
// @ts-expect-error: the command is one word, and its arguments stand in args
createGateway({ upstreams: { a: { command: ['node', 'server.js'] } } });
// @ts-expect-error: arguments are a list
createGateway({ upstreams: { a: { command: 'node', args: 'server.js' } } });
// @ts-expect-error: no key of that name
createGateway({ upstreams: { a: { command: 'node', isolaton: 'shared' } } });
// @ts-expect-error: no isolation of that name
createGateway({ upstreams: { a: { command: 'node', isolation: 'shred' } } });
// @ts-expect-error: a rule is a list of patterns
createGateway({ upstreams: { a: { command: 'node', tools: { allow: 'read_*' } } } });
// @ts-expect-error: no duration
createGateway({ upstreams: { a: { url: 'https://example.com', requestTimeout: 'soon' } } });
// @ts-expect-error: a secret is missing
createGateway({ upstreams: { a: { url: 'https://example.com', oauth: { tokenUrl: 'https://a', clientId: 'b' } } } });
// @ts-expect-error: a function builds a server, and this is a text
createGateway({ upstreams: { a: { server: 'server.js' } } });

// @ts-expect-error: no key of that name in a role
createGateway({ upstreams, roles: { reader: { readonly: true } } });
// @ts-expect-error: no size
createGateway({ upstreams, roles: { reader: { limits: { maxMessageSize: 'small' } } } });
// @ts-expect-error: the audience is missing
createGateway({ upstreams, jwt: { issuer: 'https://issuer.example.com' } });

void new WebSocketServerTransport({ server: createServer(), path: '/mcp', maxClients: 10, pingIntervalMs: 5000 });
// @ts-expect-error: it is a number of milliseconds
void new WebSocketServerTransport({ pingIntervalMs: '5s' });
// @ts-expect-error: no option of that name
void new WebSocketServerTransport({ maxConections: 10 });

void new WebSocketClientTransport('ws://127.0.0.1:8765/mcp', {
  headers: { 'X-API-Key': 'key' },
  handshakeTimeoutMs: 1000,
});
// @ts-expect-error: headers are an object
void new WebSocketClientTransport('ws://127.0.0.1:8765/mcp', { headers: ['X-API-Key: key'] });
// @ts-expect-error: no option of that name
void new WebSocketClientTransport('ws://127.0.0.1:8765/mcp', { timeout: 1000 });

void connect({ command: 'node', args: ['server.js'] });
// @ts-expect-error: arguments are a list
void connect({ command: 'node', args: 'server.js' });

/** A program that reads its settings from somewhere says what they are. */
export const annotated: SettingsInput = { isolation: 'shared', requestTimeout: '90s' };
