/**
 * The one table of options. The configuration file, the environment (`SWITCHBOARD_` and the name in capitals), the flags of
 * `switchboard serve`, `--help` and the reference page are all made from it.
 */

import { isRedisUrl } from '../stores/redis-url.ts';
import { ABSENCE_OPTIONS } from './absence-options.ts';
import { CLUSTER_OPTIONS } from './cluster-options.ts';
import { STORE_OPTIONS } from './store-options.ts';
import { SUPERVISION_OPTIONS } from './supervision-options.ts';
import {
  adminToken,
  consoleMode,
  count,
  countOrAuto,
  countOrHalf,
  duration,
  durationOrNever,
  flag,
  list,
  messageSize,
  networks,
  oneOf,
  onOrOff,
  portOrSharing,
  rate,
  rateOrAuto,
  size,
  someText,
  text,
  token,
  traceUrl,
  transports,
  variableNames,
} from './option-types.ts';
import type { OptionName, Options } from './option.ts';
import type { Settings } from './settings.ts';

export { namesOf } from './option-types.ts';

export const OPTIONS: Options<OptionName> = {
  transport: {
    value: 'stdio|websocket|http|all',
    fallback: 'all',
    type: transports,
    describe:
      'Transports to serve: all is WebSocket and HTTP on one port; stdio is one client on stdin and stdout; stdio,all is both',
  },
  host: {
    value: 'address',
    fallback: '127.0.0.1',
    type: someText,
    describe:
      'Address to listen on. An address that other machines can reach needs authentication and TLS, or --insecure',
  },
  port: {
    value: 'number',
    fallback: 8765,
    type: count(0, 65_535),
    describe: 'Port to listen on; 0 picks a free one',
  },
  sse: {
    fallback: false,
    type: flag,
    describe: 'Also serve the deprecated HTTP+SSE transport of 2024, and use it for upstreams',
  },
  rest: {
    value: 'on|off',
    fallback: 'on',
    type: onOrOff,
    describe:
      'Serve the tools as plain HTTP and JSON under /rest, with an OpenAPI document, for clients that do not speak MCP',
  },
  inheritEnv: {
    value: 'names',
    fallback: '',
    type: variableNames,
    describe:
      'Environment variables to pass to servers in addition to the default list, separated by commas; * matches any characters, as in LUNO_*',
  },
  isolation: {
    value: 'session|principal|shared|pool',
    fallback: 'session',
    type: oneOf('session', 'principal', 'shared', 'pool'),
    describe:
      'How servers are shared: session gives each session its own, principal one for each principal, shared one for all, pool several for all',
  },
  warm: {
    value: 'number|auto',
    fallback: 'auto',
    type: countOrAuto,
    describe:
      'Spare servers kept started, so that a session opens in milliseconds; auto keeps as many as the last minute used (isolation session only)',
  },
  maxConnections: {
    value: 'number',
    fallback: 50,
    type: count(1),
    describe: 'Maximum number of connected clients, at each node',
  },
  maxSessionsPerPrincipal: {
    value: 'number',
    fallback: 50,
    type: count(1),
    describe:
      'Maximum number of connected clients of one principal, at all nodes of a cluster together; anonymous clients are not counted',
  },
  maxConnectionsPerAddress: {
    value: 'number|half',
    fallback: 'half',
    type: countOrHalf,
    describe:
      'Maximum number of TCP connections from one address, except trusted proxies, at each node; half is half of all that the listener accepts',
  },
  maxMessageSize: {
    value: 'size',
    fallback: '4MiB',
    type: messageSize,
    describe: 'Largest message that a client may send',
  },
  maxUpstreamMessageSize: {
    value: 'size',
    fallback: '64MiB',
    type: messageSize,
    describe: 'Largest message that a server may send; a server that exceeds it is restarted',
  },
  maxQueueMessages: {
    value: 'number',
    fallback: 1000,
    type: count(1),
    describe: 'Messages that may wait for a slow client; beyond this, its connection is closed',
  },
  maxQueueSize: {
    value: 'size',
    fallback: '16MiB',
    type: size,
    describe:
      'Bytes that may wait for one slow reader, not counting its largest message; beyond this, a client is disconnected and a request is refused',
  },
  maxRequestsInFlight: {
    value: 'number',
    fallback: 256,
    type: count(1),
    describe: 'Concurrent requests of one principal, or of one anonymous connection or session, at each node',
  },
  maxRequestsInFlightPerAddress: {
    value: 'number',
    fallback: 1024,
    type: count(1),
    describe: 'Concurrent requests of all anonymous clients of one address, at each node',
  },
  maxConcurrent: {
    value: 'number',
    fallback: 1000,
    type: count(1),
    describe:
      'Concurrent requests to one server, at each node; further requests wait in a queue that is fair between clients',
  },
  maxQueuedRequests: {
    value: 'number',
    fallback: 10_000,
    type: count(1),
    describe: 'Requests that may wait for one server, at each node',
  },
  maxMembers: {
    value: 'number',
    fallback: 200,
    type: count(1),
    describe: 'Maximum number of running instances of one server, at each node',
  },
  rateLimit: {
    value: 'number|unlimited',
    fallback: 100,
    type: rate,
    describe:
      'Requests a minute for each principal; for anonymous clients, for each connection or session, and over modern HTTP for each address',
  },
  addressRateLimit: {
    value: 'number|unlimited|auto',
    fallback: 'auto',
    type: rateOrAuto,
    describe: 'Requests a minute for all anonymous clients of one address; auto is rateLimit times maxConnections',
  },
  connectRateLimit: {
    value: 'number|unlimited|auto',
    fallback: 'auto',
    type: rateOrAuto,
    describe:
      'New connections and HTTP sessions a minute for each principal, or for all anonymous clients of one address; auto is six times maxConnections',
  },
  requestTimeout: {
    value: 'duration',
    fallback: '5m',
    type: duration,
    describe: 'Time a request may run without an answer or a progress notification',
  },
  answerTimeout: {
    value: 'duration',
    fallback: '5m',
    type: duration,
    describe: 'Time a modern client has to answer a question of a legacy server; then the call is cancelled',
  },
  maxParked: {
    value: 'number',
    fallback: 1000,
    type: count(1),
    describe:
      'Calls that may wait for such an answer, at each node; one principal, or the anonymous clients of one address, may use a quarter',
  },
  startTimeout: {
    value: 'duration',
    fallback: '60s',
    type: duration,
    describe: 'Time a server has to start',
  },
  ...SUPERVISION_OPTIONS,
  idleTimeout: {
    value: 'duration',
    fallback: '60m',
    type: duration,
    describe: 'Idle time before the session of a client ends',
  },
  ...ABSENCE_OPTIONS,
  drainTimeout: {
    value: 'duration',
    fallback: '10s',
    type: duration,
    describe: 'Time running requests have to finish when Switchboard shuts down',
  },
  pingInterval: {
    value: 'duration',
    fallback: '25s',
    type: duration,
    describe:
      'Interval of WebSocket pings; a client that does not answer within four fifths of it (20s by default) is disconnected',
  },
  resumeWindow: {
    value: 'duration',
    fallback: '2m',
    type: duration,
    describe: 'Time a disconnected WebSocket client has to resume its session',
  },
  compression: {
    fallback: false,
    type: flag,
    describe: 'Compress WebSocket messages for clients that offer permessage-deflate; costs memory and time',
  },
  allowedHosts: {
    value: 'names',
    fallback: '',
    type: list,
    describe: 'Host headers to accept in addition to those of this machine, separated by commas',
  },
  allowedOrigins: {
    value: 'origins',
    fallback: '',
    type: list,
    describe:
      'Web origins to accept in addition to those of this machine, separated by commas; their pages may also read answers (CORS)',
  },
  behindProxy: {
    fallback: false,
    type: flag,
    describe: 'A reverse proxy on this machine terminates TLS; it is trusted as if listed in trustedProxies',
  },
  insecure: {
    fallback: false,
    type: flag,
    describe:
      'Allow listening on a reachable address without authentication or TLS; anyone who can reach it can use the servers',
  },
  keysFile: {
    value: 'file',
    fallback: '',
    type: text,
    describe: 'File of API keys, written by "switchboard keys"; callers then need a key or a token',
  },
  token: {
    value: 'auto',
    fallback: '',
    type: token,
    describe:
      'a token that every caller must show, which makes its holder an operator; auto creates one at each start and prints it',
  },
  tlsCert: {
    value: 'file',
    fallback: '',
    type: text,
    describe: 'Certificate for https and wss (PEM), followed by its intermediate certificates',
  },
  tlsKey: {
    value: 'file',
    fallback: '',
    type: text,
    describe: 'Private key of the certificate (PEM, without a passphrase)',
  },
  tlsCa: {
    value: 'file',
    fallback: '',
    type: text,
    describe: 'Intermediate certificates of tlsCert, if they are in a separate file',
  },
  tlsClientCa: {
    value: 'file',
    fallback: '',
    type: text,
    describe: 'CA bundle for client certificates; enables mutual TLS',
  },
  tlsClientCrl: {
    value: 'file',
    fallback: '',
    type: text,
    describe: 'Revoked client certificates: a CRL for each CA of tlsClientCa',
  },
  trustedProxies: {
    value: 'networks',
    fallback: '',
    type: networks,
    describe:
      'Addresses or networks of proxies whose X-Forwarded-For and Forwarded headers are used, separated by commas',
  },
  allowPrivateUpstreams: {
    fallback: false,
    type: flag,
    describe: 'Allow public host names that resolve to loopback or private addresses',
  },
  ...STORE_OPTIONS,
  ...CLUSTER_OPTIONS,
  logLevel: {
    value: 'trace|debug|info|warn|error|silent',
    fallback: 'info',
    type: oneOf('trace', 'debug', 'info', 'warn', 'error', 'silent'),
    describe: 'Lowest level to log; the log goes to stderr',
  },
  logFormat: {
    value: 'auto|json|text',
    fallback: 'auto',
    type: oneOf('auto', 'json', 'text'),
    describe: 'Format of the log: auto is text where stderr is a terminal, and one JSON object a line elsewhere',
  },
  statsInterval: {
    value: 'duration|never',
    fallback: '60s',
    type: durationOrNever,
    describe: 'Interval of the statistics line in the log (level info); not logged when stdio is the only transport',
  },
  tellAllowance: {
    fallback: false,
    type: flag,
    describe: 'Report the remaining requests in _meta of every result; by default only to clients that ask for it',
  },
  metrics: {
    value: 'on|off',
    fallback: 'on',
    type: onOrOff,
    describe: 'Serve Prometheus metrics at /metrics, to this machine and to the role operator',
  },
  traceUrl: {
    value: 'url',
    fallback: '',
    type: traceUrl,
    describe:
      'URL of a trace in your trace system, with {traceId} for its id, such as https://jaeger.example.com/trace/{traceId}; the console links requests to it',
  },
  auditLog: {
    value: 'file',
    fallback: '',
    type: text,
    describe: 'File that gets one line for each request: caller, time, method, target and outcome',
  },
  auditContents: {
    fallback: false,
    type: flag,
    describe:
      'Also write params and results to the audit log, with values named password, token, secret or key removed',
  },
  console: {
    value: 'on|read-only|off',
    fallback: 'on',
    type: consoleMode,
    describe:
      'Serve the console, a page for operators, at /console on the port of the clients; beyond this machine it requires TLS and authentication. read-only: nobody changes anything from it',
  },
  adminPort: {
    value: 'number|shared|off',
    fallback: 'shared',
    type: portOrSharing,
    describe:
      'Port of the admin API, which serves this machine only: shared is /admin on the same port (with TLS, a free port of its own)',
  },
  adminToken: {
    value: 'token',
    fallback: '',
    type: adminToken,
    secret: true,
    describe: 'Token of the admin API; without it, a random token is created at each start',
  },
};

export const OPTION_NAMES: readonly OptionName[] = Object.keys(OPTIONS) as OptionName[];

/** What is wrong with one value. */
export interface Problem {
  path: readonly (string | number)[];
  message: string;
}

/** Reads settings; what is absent gets its default. Every wrong or unknown value is reported, not just the first. */
export function readSettings(input: Readonly<Record<string, unknown>>): { settings: Settings; problems: Problem[] } {
  const problems: Problem[] = Object.keys(input)
    .filter((name) => !Object.hasOwn(OPTIONS, name))
    .map((name) => ({ path: [name], message: `unknown option; known: ${OPTION_NAMES.join(', ')}` }));
  const settings: Record<string, unknown> = {};
  for (const name of OPTION_NAMES) {
    const { type, fallback } = OPTIONS[name];
    const parsed = type.safeParse(input[name] ?? fallback);
    if (parsed.success) settings[name] = parsed.data;
    else
      problems.push(
        ...parsed.error.issues.map(({ path, message }) => ({ path: [name, ...path] as string[], message })),
      );
  }
  return { settings: settings as unknown as Settings, problems: [...problems, ...missingBeside(settings)] };
}

/** What is of no use, or dangerous to pass over, without another. */
const NEEDS: readonly (readonly [OptionName, OptionName])[] = [
  ['tlsCert', 'tlsKey'],
  ['tlsKey', 'tlsCert'],
  ['tlsCa', 'tlsCert'],
  ['tlsClientCa', 'tlsCert'],
  ['tlsClientCrl', 'tlsClientCa'],
  ['peerUrl', 'peerListen'],
  ['clusterKeyFile', 'peerListen'],
  ['nodeName', 'peerListen'],
  ['peerTlsCert', 'peerListen'],
  ['peerTlsCert', 'peerTlsKey'],
  ['peerTlsKey', 'peerTlsCert'],
  ['peerTlsCa', 'peerListen'],
];

const missingBeside = (settings: Readonly<Record<string, unknown>>): Problem[] =>
  NEEDS.filter(
    ([given, needed]) => Boolean(settings[given]) && settings[needed] === '' && !isOfUse(given, settings),
  ).map(([given, needed]) => ({
    path: [given],
    message: `it needs ${needed}`,
  }));

/** A key also seals what one process alone has in a store that other machines reach. */
const isOfUse = (given: OptionName, { store }: Readonly<Record<string, unknown>>): boolean =>
  given === 'clusterKeyFile' && isRedisUrl(String(store));
