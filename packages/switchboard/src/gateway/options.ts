/**
 * The one table of options. The configuration file, the environment (`SWITCHBOARD_` and the name in capitals), the flags of
 * `switchboard serve`, `--help` and the reference page are all made from it.
 */
import { z } from 'zod';

import { ABSENCE_OPTIONS } from './absence-options.ts';
import { SUPERVISION_OPTIONS } from './supervision-options.ts';
import type { Isolation } from '../upstreams/member-key.ts';
import {
  adminToken,
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
  size,
  token,
  transports,
  variableNames,
} from './option-types.ts';
import type { TransportName } from './option-types.ts';

/** The settings of a gateway, read and with their defaults filled in: durations are milliseconds, sizes bytes. */
export interface Settings {
  transport: TransportName[];
  host: string;
  port: number;
  sse: boolean;
  rest: boolean;
  inheritEnv: string[];
  isolation: Isolation;
  warm: number | 'auto';
  maxConnections: number;
  maxSessionsPerPrincipal: number;
  /** Nothing is half of all. */
  maxConnectionsPerAddress: number | undefined;
  maxMessageSize: number;
  maxUpstreamMessageSize: number;
  maxQueueMessages: number;
  maxQueueSize: number;
  maxReplaySize: number;
  maxReplaySizePerPrincipal: number;
  maxReplaySizeTotal: number;
  maxRequestsInFlight: number;
  maxRequestsInFlightPerAddress: number;
  maxConcurrent: number;
  maxQueuedRequests: number;
  maxMembers: number;
  rateLimit: number;
  addressRateLimit: number | 'auto';
  connectRateLimit: number | 'auto';
  requestTimeout: number;
  answerTimeout: number;
  maxParked: number;
  startTimeout: number;
  stallTimeout: number;
  livenessInterval: number;
  livenessTimeout: number;
  memberIdleTimeout: number;
  crashLimit: number;
  crashWindow: number;
  crashPause: number;
  idleTimeout: number;
  sweepInterval: number;
  absentGrace: number;
  absentTimeout: number;
  drainTimeout: number;
  pingInterval: number;
  resumeWindow: number;
  compression: boolean;
  allowedHosts: string[];
  allowedOrigins: string[];
  behindProxy: boolean;
  insecure: boolean;
  keysFile: string;
  token: string;
  tlsCert: string;
  tlsKey: string;
  tlsCa: string;
  tlsClientCa: string;
  tlsClientCrl: string;
  trustedProxies: string[];
  allowPrivateUpstreams: boolean;
  logLevel: LogLevel;
  statsInterval: number;
  tellAllowance: boolean;
  metrics: boolean;
  auditLog: string;
  auditContents: boolean;
  adminPort: number | 'shared' | 'off';
  adminToken: string;
}

export type LogLevel = 'trace' | 'debug' | 'info' | 'warn' | 'error' | 'silent';
export type OptionName = keyof Settings;

export interface Option {
  /** How the value is called in `--help`; a switch has none. */
  value?: string;
  /** As one would write it. */
  fallback: string | number | boolean;
  describe: string;
  /** Reads what a file, the environment or a flag says, or refuses it. */
  type: z.ZodType;
  /** Others can read the command lines of processes, so it has no flag. @default false */
  secret?: boolean;
}

export const OPTIONS: Readonly<Record<OptionName, Option>> = {
  transport: {
    value: 'stdio|websocket|http|all',
    fallback: 'all',
    type: transports,
    describe:
      'What to serve: all is WebSocket and HTTP on one port, stdio one client on stdin and stdout; stdio,all is both',
  },
  host: {
    value: 'address',
    fallback: '127.0.0.1',
    type: z.string().min(1),
    describe: 'The address to listen on. Beyond this machine it needs authentication and TLS, or --insecure',
  },
  port: {
    value: 'number',
    fallback: 8765,
    type: count(0, 65_535),
    describe: 'The port to listen on; 0 takes a free one',
  },
  sse: {
    fallback: false,
    type: flag,
    describe: 'Also serve and use the SSE transport of 2024, which is deprecated',
  },
  rest: {
    value: 'on|off',
    fallback: 'on',
    type: onOrOff,
    describe: 'Serve the tools as HTTP with JSON and an OpenAPI document below /rest, for clients without MCP',
  },
  inheritEnv: {
    value: 'names',
    fallback: '',
    type: variableNames,
    describe:
      'Variables of its own environment that Switchboard hands to servers besides the usual few, separated by commas; * stands for any characters, as in LUNO_*',
  },
  isolation: {
    value: 'session|principal|shared|pool',
    fallback: 'session',
    type: oneOf('session', 'principal', 'shared', 'pool'),
    describe: 'Who shares a server: nobody, the sessions of one principal, or everybody, one or several instances',
  },
  warm: {
    value: 'number|auto',
    fallback: 'auto',
    type: countOrAuto,
    describe:
      'Servers started ahead of need, so that a session opens in milliseconds; auto keeps as many ready as the last minute needed, where each session has its own',
  },
  maxConnections: { value: 'number', fallback: 50, type: count(1), describe: 'How many clients may be connected' },
  maxSessionsPerPrincipal: {
    value: 'number',
    fallback: 50,
    type: count(1),
    describe: 'How many clients of one principal may be connected; those that are anonymous are not counted',
  },
  maxConnectionsPerAddress: {
    value: 'number|half',
    fallback: 'half',
    type: countOrHalf,
    describe: 'How many TCP connections one address may have, trusted proxies aside; half of all that are taken',
  },
  maxMessageSize: {
    value: 'size',
    fallback: '4MiB',
    type: messageSize,
    describe: 'The largest message that a client may send',
  },
  maxUpstreamMessageSize: {
    value: 'size',
    fallback: '64MiB',
    type: messageSize,
    describe: 'The largest message that a server may send; one that sends more is ended and started anew',
  },
  maxQueueMessages: {
    value: 'number',
    fallback: 1000,
    type: count(1),
    describe: 'How many messages may wait for a client that reads slowly; then its connection ends',
  },
  maxQueueSize: {
    value: 'size',
    fallback: '16MiB',
    type: size,
    describe:
      'Bytes that may wait for one slow reader, its largest message aside: a client is cut off, a request is refused',
  },
  maxRequestsInFlight: {
    value: 'number',
    fallback: 256,
    type: count(1),
    describe:
      'How many requests of one principal may run at a time, and of one connection or session of a client that is not known',
  },
  maxRequestsInFlightPerAddress: {
    value: 'number',
    fallback: 1024,
    type: count(1),
    describe: 'How many requests of one address may run at a time, of all its clients that are not known',
  },
  maxConcurrent: {
    value: 'number',
    fallback: 1000,
    type: count(1),
    describe: 'How many requests of one server run at a time; others wait, and every client gets its turn',
  },
  maxQueuedRequests: {
    value: 'number',
    fallback: 10_000,
    type: count(1),
    describe: 'How many requests may wait for one server',
  },
  maxMembers: {
    value: 'number',
    fallback: 200,
    type: count(1),
    describe: 'How many instances of one server may run at a time',
  },
  rateLimit: {
    value: 'number|unlimited',
    fallback: 100,
    type: rate,
    describe:
      'Requests a minute of each principal; of clients that are not known, of each connection or session, and over modern HTTP of each address',
  },
  addressRateLimit: {
    value: 'number|unlimited|auto',
    fallback: 'auto',
    type: z.union([z.literal('auto'), rate]),
    describe:
      'Requests a minute from one address, of all its clients who are not known; auto is rateLimit times maxConnections',
  },
  connectRateLimit: {
    value: 'number|unlimited|auto',
    fallback: 'auto',
    type: z.union([z.literal('auto'), rate]),
    describe:
      'Connections and HTTP sessions a minute that each principal may open, or each address whose clients are not known; auto is six times maxConnections',
  },
  requestTimeout: {
    value: 'duration',
    fallback: '5m',
    type: duration,
    describe: 'How long a request may go without an answer or a progress note',
  },
  answerTimeout: {
    value: 'duration',
    fallback: '5m',
    type: duration,
    describe:
      'How long a client that was asked something may take to come back with the answer; then the call is cancelled',
  },
  maxParked: {
    value: 'number',
    fallback: 1000,
    type: count(1),
    describe:
      'How many calls may wait for such an answer; of one principal, or one address of clients that are not known, a quarter',
  },
  startTimeout: {
    value: 'duration',
    fallback: '60s',
    type: duration,
    describe: 'How long a server may take to start',
  },
  ...SUPERVISION_OPTIONS,
  idleTimeout: {
    value: 'duration',
    fallback: '60m',
    type: duration,
    describe: 'How long a client may be quiet before its session ends',
  },
  ...ABSENCE_OPTIONS,
  drainTimeout: {
    value: 'duration',
    fallback: '10s',
    type: duration,
    describe: 'How long requests that are under way may take when Switchboard is asked to end',
  },
  pingInterval: {
    value: 'duration',
    fallback: '25s',
    type: duration,
    describe: 'Interval of pings; a client that is not heard within four fifths of it, 20s by default, is cut off',
  },
  resumeWindow: {
    value: 'duration',
    fallback: '2m',
    type: duration,
    describe: 'How long a WebSocket client that was cut off may stay away and go on where it was',
  },
  compression: {
    fallback: false,
    type: flag,
    describe: 'Compress WebSocket messages of clients that offer it (permessage-deflate); costs memory and time',
  },
  allowedHosts: {
    value: 'names',
    fallback: '',
    type: list,
    describe: 'Host headers to accept besides those of this machine, separated by commas',
  },
  allowedOrigins: {
    value: 'origins',
    fallback: '',
    type: list,
    describe:
      'Web origins to accept besides those of this machine, separated by commas; their pages may also read answers (CORS)',
  },
  behindProxy: {
    fallback: false,
    type: flag,
    describe: 'A proxy on this machine stands in front and has TLS; it is trusted as if it were among trustedProxies',
  },
  insecure: {
    fallback: false,
    type: flag,
    describe:
      'Listen beyond this machine without authentication or TLS, although everybody there can then use the servers',
  },
  keysFile: {
    value: 'file',
    fallback: '',
    type: z.string(),
    describe: 'The file of API keys, as "switchboard keys" writes it; then callers have to show a key or a token',
  },
  token: {
    value: 'auto',
    fallback: '',
    type: token,
    describe: 'auto makes a token at each start, prints it, and wants it of every caller',
  },
  tlsCert: {
    value: 'file',
    fallback: '',
    type: z.string(),
    describe: 'The certificate to serve https and wss with, as PEM, and after it those between it and the root',
  },
  tlsKey: {
    value: 'file',
    fallback: '',
    type: z.string(),
    describe: "The certificate's private key, as PEM without a passphrase",
  },
  tlsCa: {
    value: 'file',
    fallback: '',
    type: z.string(),
    describe: 'The certificates between tlsCert and the root, where they are in a file of their own',
  },
  tlsClientCa: {
    value: 'file',
    fallback: '',
    type: z.string(),
    describe: 'Who vouches for clients: without a certificate of theirs nobody gets further than the handshake',
  },
  tlsClientCrl: {
    value: 'file',
    fallback: '',
    type: z.string(),
    describe: 'Which certificates of clients were revoked: a list (CRL) of each who vouches',
  },
  trustedProxies: {
    value: 'networks',
    fallback: '',
    type: networks,
    describe: 'Proxies whose X-Forwarded-For and Forwarded are believed, as addresses or networks, separated by commas',
  },
  allowPrivateUpstreams: {
    fallback: false,
    type: flag,
    describe: 'Let names of the internet stand for remote servers on this machine and in private networks',
  },
  logLevel: {
    value: 'trace|debug|info|warn|error|silent',
    fallback: 'info',
    type: oneOf('trace', 'debug', 'info', 'warn', 'error', 'silent'),
    describe: 'What to log, as JSON lines on stderr',
  },
  statsInterval: {
    value: 'duration|never',
    fallback: '60s',
    type: durationOrNever,
    describe: 'How often one line of statistics is logged, at level info; not where stdio is the only transport',
  },
  tellAllowance: {
    fallback: false,
    type: flag,
    describe: 'Tell clients in _meta of each result how many requests they have left; without it those that ask for it',
  },
  metrics: {
    value: 'on|off',
    fallback: 'on',
    type: onOrOff,
    describe: 'Serve metrics for Prometheus at /metrics, to this machine and to the role operator',
  },
  auditLog: {
    value: 'file',
    fallback: '',
    type: z.string(),
    describe: 'A file to append a line to for each request: who, when, what and how it ended',
  },
  auditContents: {
    fallback: false,
    type: flag,
    describe: 'Write params and results to the audit log too, without what is called a password, token, secret or key',
  },
  adminPort: {
    value: 'number|shared|off',
    fallback: 'shared',
    type: portOrSharing,
    describe:
      'Where the admin API is: at /admin of the same port (with TLS, on a free port of its own), or on a port of its own; for this machine only',
  },
  adminToken: {
    value: 'token',
    fallback: '',
    type: adminToken,
    secret: true,
    describe: 'What the admin API wants to be shown; without it, a random one is made at each start',
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
];

const missingBeside = (settings: Readonly<Record<string, unknown>>): Problem[] =>
  NEEDS.filter(([given, needed]) => Boolean(settings[given]) && settings[needed] === '').map(([given, needed]) => ({
    path: [given],
    message: `it is of no use without ${needed}`,
  }));
