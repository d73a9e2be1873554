/** Under which heading of `serve --help` an option stands. Every option is in one group; a test compares them with the table. */
import type { OptionName } from '../gateway/option.ts';

const GROUPS: Readonly<Record<string, readonly OptionName[]>> = {
  'Address and transports:': ['transport', 'host', 'port', 'sse', 'rest', 'compression'],
  'Servers:': ['isolation', 'warm', 'inheritEnv', 'startTimeout', 'allowPrivateUpstreams'],
  'Supervision of servers:': [
    'maxMembers',
    'memberIdleTimeout',
    'stallTimeout',
    'livenessInterval',
    'livenessTimeout',
    'crashLimit',
    'crashWindow',
    'crashPause',
  ],
  'Authentication and access:': [
    'keysFile',
    'token',
    'allowedHosts',
    'allowedOrigins',
    'behindProxy',
    'trustedProxies',
    'insecure',
  ],
  'TLS:': ['tlsCert', 'tlsKey', 'tlsCa', 'tlsClientCa', 'tlsClientCrl'],
  'Clients and connections:': [
    'maxConnections',
    'maxSessionsPerPrincipal',
    'maxConnectionsPerAddress',
    'idleTimeout',
    'sweepInterval',
    'absentGrace',
    'absentTimeout',
    'pingInterval',
    'resumeWindow',
  ],
  'Requests and rates:': [
    'requestTimeout',
    'answerTimeout',
    'drainTimeout',
    'rateLimit',
    'addressRateLimit',
    'connectRateLimit',
    'tellAllowance',
    'maxRequestsInFlight',
    'maxRequestsInFlightPerAddress',
    'maxConcurrent',
    'maxQueuedRequests',
    'maxParked',
  ],
  'Sizes and queues:': [
    'maxMessageSize',
    'maxUpstreamMessageSize',
    'maxQueueMessages',
    'maxQueueSize',
    'maxReplaySize',
    'maxReplaySizePerPrincipal',
    'maxReplaySizeTotal',
  ],
  'Logs, metrics and administration:': [
    'logLevel',
    'statsInterval',
    'metrics',
    'auditLog',
    'auditContents',
    'adminPort',
    'adminToken',
  ],
};

export const OPTION_GROUPS: Readonly<Partial<Record<OptionName, string>>> = Object.fromEntries(
  Object.entries(GROUPS).flatMap(([heading, names]) => names.map((name) => [name, heading])),
);
