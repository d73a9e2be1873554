/**
 * The settings of a gateway, as one writes them and as they are read. Made from the table in options.ts by `npm run generate`; change
 * the table.
 */
import type { Duration, Size } from '../util/units.ts';
import type { TransportChoice, TransportName } from './option-types.ts';

/** The settings of a gateway, as a program or a configuration file writes them. What is left out has its default. */
export interface SettingsInput {
  /**
   * Transports to serve: all is WebSocket and HTTP on one port; stdio is one client on stdin and stdout; stdio,all is
   * both.
   *
   * @default 'all'
   */
  transport?: TransportChoice | readonly TransportChoice[] | undefined;
  /**
   * Address to listen on. An address that other machines can reach needs authentication and TLS, or --insecure.
   *
   * @default '127.0.0.1'
   */
  host?: string | undefined;
  /**
   * Port to listen on; 0 picks a free one.
   *
   * @default 8765
   */
  port?: number | undefined;
  /**
   * Also serve the deprecated HTTP+SSE transport of 2024, and use it for upstreams.
   *
   * @default false
   */
  sse?: boolean | undefined;
  /**
   * Serve the tools as plain HTTP and JSON under /rest, with an OpenAPI document, for clients that do not speak MCP.
   *
   * @default 'on'
   */
  rest?: boolean | 'on' | 'off' | undefined;
  /**
   * Environment variables to pass to servers in addition to the default list, separated by commas; * matches any
   * characters, as in LUNO_*.
   *
   * @default ''
   */
  inheritEnv?: string | readonly string[] | undefined;
  /**
   * How servers are shared: session gives each session its own, principal one for each principal, shared one for all,
   * pool several for all.
   *
   * @default 'session'
   */
  isolation?: 'session' | 'principal' | 'shared' | 'pool' | undefined;
  /**
   * Spare servers kept started, so that a session opens in milliseconds; auto keeps as many as the last minute used
   * (isolation session only).
   *
   * @default 'auto'
   */
  warm?: number | 'auto' | undefined;
  /**
   * Maximum number of connected clients, at each node.
   *
   * @default 50
   */
  maxConnections?: number | undefined;
  /**
   * Maximum number of connected clients of one principal, at all nodes of a cluster together; anonymous clients are not
   * counted.
   *
   * @default 50
   */
  maxSessionsPerPrincipal?: number | undefined;
  /**
   * Maximum number of TCP connections from one address, except trusted proxies, at each node; half is half of all that
   * the listener accepts.
   *
   * @default 'half'
   */
  maxConnectionsPerAddress?: number | 'half' | undefined;
  /**
   * Largest message that a client may send. A number is in bytes.
   *
   * @default '4MiB'
   */
  maxMessageSize?: Size | undefined;
  /**
   * Largest message that a server may send; a server that exceeds it is restarted. A number is in bytes.
   *
   * @default '64MiB'
   */
  maxUpstreamMessageSize?: Size | undefined;
  /**
   * Messages that may wait for a slow client; beyond this, its connection is closed.
   *
   * @default 1000
   */
  maxQueueMessages?: number | undefined;
  /**
   * Bytes that may wait for one slow reader, not counting its largest message; beyond this, a client is disconnected
   * and a request is refused. A number is in bytes.
   *
   * @default '16MiB'
   */
  maxQueueSize?: Size | undefined;
  /**
   * Concurrent requests of one principal, or of one anonymous connection or session, at each node.
   *
   * @default 256
   */
  maxRequestsInFlight?: number | undefined;
  /**
   * Concurrent requests of all anonymous clients of one address, at each node.
   *
   * @default 1024
   */
  maxRequestsInFlightPerAddress?: number | undefined;
  /**
   * Concurrent requests to one server, at each node; further requests wait in a queue that is fair between clients.
   *
   * @default 1000
   */
  maxConcurrent?: number | undefined;
  /**
   * Requests that may wait for one server, at each node.
   *
   * @default 10000
   */
  maxQueuedRequests?: number | undefined;
  /**
   * Maximum number of running instances of one server, at each node.
   *
   * @default 200
   */
  maxMembers?: number | undefined;
  /**
   * Requests a minute for each principal; for anonymous clients, for each connection or session, and over modern HTTP
   * for each address.
   *
   * @default 100
   */
  rateLimit?: number | 'unlimited' | undefined;
  /**
   * Requests a minute for all anonymous clients of one address; auto is rateLimit times maxConnections.
   *
   * @default 'auto'
   */
  addressRateLimit?: number | 'unlimited' | 'auto' | undefined;
  /**
   * New connections and HTTP sessions a minute for each principal, or for all anonymous clients of one address; auto is
   * six times maxConnections.
   *
   * @default 'auto'
   */
  connectRateLimit?: number | 'unlimited' | 'auto' | undefined;
  /**
   * Time a request may run without an answer or a progress notification. A number is in seconds.
   *
   * @default '5m'
   */
  requestTimeout?: Duration | undefined;
  /**
   * Time a modern client has to answer a question of a legacy server; then the call is cancelled. A number is in
   * seconds.
   *
   * @default '5m'
   */
  answerTimeout?: Duration | undefined;
  /**
   * Calls that may wait for such an answer, at each node; one principal, or the anonymous clients of one address, may
   * use a quarter.
   *
   * @default 1000
   */
  maxParked?: number | undefined;
  /**
   * Time a server has to start. A number is in seconds.
   *
   * @default '60s'
   */
  startTimeout?: Duration | undefined;
  /**
   * Time a server may leave its pending input unread before it is restarted. A number is in seconds.
   *
   * @default '60s'
   */
  stallTimeout?: Duration | 'never' | undefined;
  /**
   * Idle time before a server is pinged. A number is in seconds.
   *
   * @default '30s'
   */
  livenessInterval?: Duration | 'never' | undefined;
  /**
   * Time a server has to answer that ping before it is restarted. A number is in seconds.
   *
   * @default '10s'
   */
  livenessTimeout?: Duration | undefined;
  /**
   * Idle time before a server that several sessions share is stopped; the next request starts it again. A number is in
   * seconds.
   *
   * @default '60m'
   */
  memberIdleTimeout?: Duration | 'never' | undefined;
  /**
   * Failures within crashWindow before a server is paused for crashPause.
   *
   * @default 5
   */
  crashLimit?: number | undefined;
  /**
   * Period over which the failures of a server are counted. A number is in seconds.
   *
   * @default '60s'
   */
  crashWindow?: Duration | undefined;
  /**
   * Pause of a server that failed too often; it doubles with each failed attempt, up to 5m. A number is in seconds.
   *
   * @default '5s'
   */
  crashPause?: Duration | undefined;
  /**
   * Idle time before the session of a client ends. A number is in seconds.
   *
   * @default '60m'
   */
  idleTimeout?: Duration | undefined;
  /**
   * Interval of the check for idle sessions; at most a quarter of idleTimeout. A number is in seconds.
   *
   * @default '60s'
   */
  sweepInterval?: Duration | undefined;
  /**
   * Time the calls of a legacy HTTP session continue after its last connection closed; then they are cancelled. A
   * number is in seconds.
   *
   * @default '30s'
   */
  absentGrace?: Duration | 'never' | undefined;
  /**
   * Time a legacy HTTP session keeps its own server after its last connection closed; the next request starts it again.
   * A number is in seconds.
   *
   * @default '5m'
   */
  absentTimeout?: Duration | 'never' | undefined;
  /**
   * Bytes of events kept for one legacy HTTP session to resume from; its newest event is kept even when it is larger. A
   * number is in bytes.
   *
   * @default '16MiB'
   */
  maxReplaySize?: Size | undefined;
  /**
   * Bytes of events kept for all legacy HTTP sessions of one principal. A number is in bytes.
   *
   * @default '96MiB'
   */
  maxReplaySizePerPrincipal?: Size | undefined;
  /**
   * Bytes of events kept for all legacy HTTP sessions together. A number is in bytes.
   *
   * @default '192MiB'
   */
  maxReplaySizeTotal?: Size | undefined;
  /**
   * Time running requests have to finish when Switchboard shuts down. A number is in seconds.
   *
   * @default '10s'
   */
  drainTimeout?: Duration | undefined;
  /**
   * Interval of WebSocket pings; a client that does not answer within four fifths of it (20s by default) is
   * disconnected. A number is in seconds.
   *
   * @default '25s'
   */
  pingInterval?: Duration | undefined;
  /**
   * Time a disconnected WebSocket client has to resume its session. A number is in seconds.
   *
   * @default '2m'
   */
  resumeWindow?: Duration | undefined;
  /**
   * Compress WebSocket messages for clients that offer permessage-deflate; costs memory and time.
   *
   * @default false
   */
  compression?: boolean | undefined;
  /**
   * Host headers to accept in addition to those of this machine, separated by commas.
   *
   * @default ''
   */
  allowedHosts?: string | readonly string[] | undefined;
  /**
   * Web origins to accept in addition to those of this machine, separated by commas; their pages may also read answers
   * (CORS).
   *
   * @default ''
   */
  allowedOrigins?: string | readonly string[] | undefined;
  /**
   * A reverse proxy on this machine terminates TLS; it is trusted as if listed in trustedProxies.
   *
   * @default false
   */
  behindProxy?: boolean | undefined;
  /**
   * Allow listening on a reachable address without authentication or TLS; anyone who can reach it can use the servers.
   *
   * @default false
   */
  insecure?: boolean | undefined;
  /**
   * File of API keys, written by "switchboard keys"; callers then need a key or a token.
   *
   * @default ''
   */
  keysFile?: string | undefined;
  /**
   * a token that every caller must show, which makes its holder an operator; auto creates one at each start and prints
   * it.
   *
   * @default ''
   */
  token?: string | undefined;
  /**
   * Certificate for https and wss (PEM), followed by its intermediate certificates.
   *
   * @default ''
   */
  tlsCert?: string | undefined;
  /**
   * Private key of the certificate (PEM, without a passphrase).
   *
   * @default ''
   */
  tlsKey?: string | undefined;
  /**
   * Intermediate certificates of tlsCert, if they are in a separate file.
   *
   * @default ''
   */
  tlsCa?: string | undefined;
  /**
   * CA bundle for client certificates; enables mutual TLS.
   *
   * @default ''
   */
  tlsClientCa?: string | undefined;
  /**
   * Revoked client certificates: a CRL for each CA of tlsClientCa.
   *
   * @default ''
   */
  tlsClientCrl?: string | undefined;
  /**
   * Addresses or networks of proxies whose X-Forwarded-For and Forwarded headers are used, separated by commas.
   *
   * @default ''
   */
  trustedProxies?: string | readonly string[] | undefined;
  /**
   * Allow public host names that resolve to loopback or private addresses.
   *
   * @default false
   */
  allowPrivateUpstreams?: boolean | undefined;
  /**
   * Where state is kept: in memory; in a file, so that sessions outlive a restart; or in a Redis or Valkey that several
   * Switchboards share, also behind Sentinels: redis+sentinel://host:26379,host:26379/mymaster (a URL with a password
   * belongs into SWITCHBOARD_STORE). auto is a file for each port in the state folder of the user for "switchboard
   * serve" on a port, and memory elsewhere.
   *
   * @default 'auto'
   */
  store?: string | undefined;
  /**
   * Largest size of the file of the store; what does not fit is kept in memory only. A number is in bytes.
   *
   * @default '256MiB'
   */
  maxStoreSize?: Size | undefined;
  /**
   * Processes of "switchboard serve" that share the port and the store, so that several cores are used; auto is one for
   * each core.
   *
   * @default 1
   */
  workers?: number | 'auto' | undefined;
  /**
   * Address on which the other nodes of the cluster reach this one; needs a store that several machines reach, and a
   * cluster key. Without it a Redis is for one process.
   *
   * @default ''
   */
  peerListen?: string | undefined;
  /**
   * URL at which the other nodes reach peerListen; by default its address and port.
   *
   * @default ''
   */
  peerUrl?: string | undefined;
  /**
   * File with the key that the nodes of the cluster share, of at least 32 bytes; a second line is accepted too, so that
   * keys can be changed. One process alone seals with it what it has in a Redis.
   *
   * @default ''
   */
  clusterKeyFile?: string | undefined;
  /**
   * The same key as text, in place of clusterKeyFile.
   *
   * @default ''
   */
  clusterKey?: string | undefined;
  /**
   * Name of this node in status and logs; by default the host of its peer URL.
   *
   * @default ''
   */
  nodeName?: string | undefined;
  /**
   * Certificate for TLS between nodes (PEM); without it they speak plain HTTP, signed but not encrypted.
   *
   * @default ''
   */
  peerTlsCert?: string | undefined;
  /**
   * Private key of peerTlsCert (PEM, without a passphrase).
   *
   * @default ''
   */
  peerTlsKey?: string | undefined;
  /**
   * CA bundle to check the certificates of other nodes with; by default the CAs of the system.
   *
   * @default ''
   */
  peerTlsCa?: string | undefined;
  /**
   * Lowest level to log; the log goes to stderr.
   *
   * @default 'info'
   */
  logLevel?: 'trace' | 'debug' | 'info' | 'warn' | 'error' | 'silent' | undefined;
  /**
   * Format of the log: auto is text where stderr is a terminal, and one JSON object a line elsewhere.
   *
   * @default 'auto'
   */
  logFormat?: 'auto' | 'json' | 'text' | undefined;
  /**
   * Interval of the statistics line in the log (level info); not logged when stdio is the only transport. A number is
   * in seconds.
   *
   * @default '60s'
   */
  statsInterval?: Duration | 'never' | undefined;
  /**
   * Report the remaining requests in _meta of every result; by default only to clients that ask for it.
   *
   * @default false
   */
  tellAllowance?: boolean | undefined;
  /**
   * Serve Prometheus metrics at /metrics, to this machine and to the role operator.
   *
   * @default 'on'
   */
  metrics?: boolean | 'on' | 'off' | undefined;
  /**
   * URL of a trace in your trace system, with {traceId} for its id, such as https://jaeger.example.com/trace/{traceId};
   * the console links requests to it.
   *
   * @default ''
   */
  traceUrl?: string | undefined;
  /**
   * File that gets one line for each request: caller, time, method, target and outcome.
   *
   * @default ''
   */
  auditLog?: string | undefined;
  /**
   * Also write params and results to the audit log, with values named password, token, secret or key removed.
   *
   * @default false
   */
  auditContents?: boolean | undefined;
  /**
   * Serve the console, a page for operators, at /console on the port of the clients; beyond this machine it requires
   * TLS and authentication. read-only: nobody changes anything from it.
   *
   * @default 'on'
   */
  console?: boolean | 'on' | 'read-only' | 'off' | undefined;
  /**
   * Port of the admin API, which serves this machine only: shared is /admin on the same port (with TLS, a free port of
   * its own).
   *
   * @default 'shared'
   */
  adminPort?: number | 'shared' | 'off' | undefined;
  /**
   * Token of the admin API; without it, a random token is created at each start.
   *
   * @default ''
   */
  adminToken?: string | undefined;
}

/** The settings of a gateway, read and with their defaults: durations are milliseconds, sizes bytes, `Infinity` is without end. */
export interface Settings {
  /**
   * Transports to serve: all is WebSocket and HTTP on one port; stdio is one client on stdin and stdout; stdio,all is
   * both.
   *
   * @default 'all'
   */
  transport: TransportName[];
  /**
   * Address to listen on. An address that other machines can reach needs authentication and TLS, or --insecure.
   *
   * @default '127.0.0.1'
   */
  host: string;
  /**
   * Port to listen on; 0 picks a free one.
   *
   * @default 8765
   */
  port: number;
  /**
   * Also serve the deprecated HTTP+SSE transport of 2024, and use it for upstreams.
   *
   * @default false
   */
  sse: boolean;
  /**
   * Serve the tools as plain HTTP and JSON under /rest, with an OpenAPI document, for clients that do not speak MCP.
   *
   * @default 'on'
   */
  rest: boolean;
  /**
   * Environment variables to pass to servers in addition to the default list, separated by commas; * matches any
   * characters, as in LUNO_*.
   *
   * @default ''
   */
  inheritEnv: string[];
  /**
   * How servers are shared: session gives each session its own, principal one for each principal, shared one for all,
   * pool several for all.
   *
   * @default 'session'
   */
  isolation: 'session' | 'principal' | 'shared' | 'pool';
  /**
   * Spare servers kept started, so that a session opens in milliseconds; auto keeps as many as the last minute used
   * (isolation session only).
   *
   * @default 'auto'
   */
  warm: number | 'auto';
  /**
   * Maximum number of connected clients, at each node.
   *
   * @default 50
   */
  maxConnections: number;
  /**
   * Maximum number of connected clients of one principal, at all nodes of a cluster together; anonymous clients are not
   * counted.
   *
   * @default 50
   */
  maxSessionsPerPrincipal: number;
  /**
   * Maximum number of TCP connections from one address, except trusted proxies, at each node; half is half of all that
   * the listener accepts.
   *
   * @default 'half'
   */
  maxConnectionsPerAddress: number | undefined;
  /**
   * Largest message that a client may send. In bytes.
   *
   * @default '4MiB'
   */
  maxMessageSize: number;
  /**
   * Largest message that a server may send; a server that exceeds it is restarted. In bytes.
   *
   * @default '64MiB'
   */
  maxUpstreamMessageSize: number;
  /**
   * Messages that may wait for a slow client; beyond this, its connection is closed.
   *
   * @default 1000
   */
  maxQueueMessages: number;
  /**
   * Bytes that may wait for one slow reader, not counting its largest message; beyond this, a client is disconnected
   * and a request is refused. In bytes.
   *
   * @default '16MiB'
   */
  maxQueueSize: number;
  /**
   * Concurrent requests of one principal, or of one anonymous connection or session, at each node.
   *
   * @default 256
   */
  maxRequestsInFlight: number;
  /**
   * Concurrent requests of all anonymous clients of one address, at each node.
   *
   * @default 1024
   */
  maxRequestsInFlightPerAddress: number;
  /**
   * Concurrent requests to one server, at each node; further requests wait in a queue that is fair between clients.
   *
   * @default 1000
   */
  maxConcurrent: number;
  /**
   * Requests that may wait for one server, at each node.
   *
   * @default 10000
   */
  maxQueuedRequests: number;
  /**
   * Maximum number of running instances of one server, at each node.
   *
   * @default 200
   */
  maxMembers: number;
  /**
   * Requests a minute for each principal; for anonymous clients, for each connection or session, and over modern HTTP
   * for each address.
   *
   * @default 100
   */
  rateLimit: number;
  /**
   * Requests a minute for all anonymous clients of one address; auto is rateLimit times maxConnections.
   *
   * @default 'auto'
   */
  addressRateLimit: number | 'auto';
  /**
   * New connections and HTTP sessions a minute for each principal, or for all anonymous clients of one address; auto is
   * six times maxConnections.
   *
   * @default 'auto'
   */
  connectRateLimit: number | 'auto';
  /**
   * Time a request may run without an answer or a progress notification. In milliseconds.
   *
   * @default '5m'
   */
  requestTimeout: number;
  /**
   * Time a modern client has to answer a question of a legacy server; then the call is cancelled. In milliseconds.
   *
   * @default '5m'
   */
  answerTimeout: number;
  /**
   * Calls that may wait for such an answer, at each node; one principal, or the anonymous clients of one address, may
   * use a quarter.
   *
   * @default 1000
   */
  maxParked: number;
  /**
   * Time a server has to start. In milliseconds.
   *
   * @default '60s'
   */
  startTimeout: number;
  /**
   * Time a server may leave its pending input unread before it is restarted. In milliseconds.
   *
   * @default '60s'
   */
  stallTimeout: number;
  /**
   * Idle time before a server is pinged. In milliseconds.
   *
   * @default '30s'
   */
  livenessInterval: number;
  /**
   * Time a server has to answer that ping before it is restarted. In milliseconds.
   *
   * @default '10s'
   */
  livenessTimeout: number;
  /**
   * Idle time before a server that several sessions share is stopped; the next request starts it again. In
   * milliseconds.
   *
   * @default '60m'
   */
  memberIdleTimeout: number;
  /**
   * Failures within crashWindow before a server is paused for crashPause.
   *
   * @default 5
   */
  crashLimit: number;
  /**
   * Period over which the failures of a server are counted. In milliseconds.
   *
   * @default '60s'
   */
  crashWindow: number;
  /**
   * Pause of a server that failed too often; it doubles with each failed attempt, up to 5m. In milliseconds.
   *
   * @default '5s'
   */
  crashPause: number;
  /**
   * Idle time before the session of a client ends. In milliseconds.
   *
   * @default '60m'
   */
  idleTimeout: number;
  /**
   * Interval of the check for idle sessions; at most a quarter of idleTimeout. In milliseconds.
   *
   * @default '60s'
   */
  sweepInterval: number;
  /**
   * Time the calls of a legacy HTTP session continue after its last connection closed; then they are cancelled. In
   * milliseconds.
   *
   * @default '30s'
   */
  absentGrace: number;
  /**
   * Time a legacy HTTP session keeps its own server after its last connection closed; the next request starts it again.
   * In milliseconds.
   *
   * @default '5m'
   */
  absentTimeout: number;
  /**
   * Bytes of events kept for one legacy HTTP session to resume from; its newest event is kept even when it is larger.
   * In bytes.
   *
   * @default '16MiB'
   */
  maxReplaySize: number;
  /**
   * Bytes of events kept for all legacy HTTP sessions of one principal. In bytes.
   *
   * @default '96MiB'
   */
  maxReplaySizePerPrincipal: number;
  /**
   * Bytes of events kept for all legacy HTTP sessions together. In bytes.
   *
   * @default '192MiB'
   */
  maxReplaySizeTotal: number;
  /**
   * Time running requests have to finish when Switchboard shuts down. In milliseconds.
   *
   * @default '10s'
   */
  drainTimeout: number;
  /**
   * Interval of WebSocket pings; a client that does not answer within four fifths of it (20s by default) is
   * disconnected. In milliseconds.
   *
   * @default '25s'
   */
  pingInterval: number;
  /**
   * Time a disconnected WebSocket client has to resume its session. In milliseconds.
   *
   * @default '2m'
   */
  resumeWindow: number;
  /**
   * Compress WebSocket messages for clients that offer permessage-deflate; costs memory and time.
   *
   * @default false
   */
  compression: boolean;
  /**
   * Host headers to accept in addition to those of this machine, separated by commas.
   *
   * @default ''
   */
  allowedHosts: string[];
  /**
   * Web origins to accept in addition to those of this machine, separated by commas; their pages may also read answers
   * (CORS).
   *
   * @default ''
   */
  allowedOrigins: string[];
  /**
   * A reverse proxy on this machine terminates TLS; it is trusted as if listed in trustedProxies.
   *
   * @default false
   */
  behindProxy: boolean;
  /**
   * Allow listening on a reachable address without authentication or TLS; anyone who can reach it can use the servers.
   *
   * @default false
   */
  insecure: boolean;
  /**
   * File of API keys, written by "switchboard keys"; callers then need a key or a token.
   *
   * @default ''
   */
  keysFile: string;
  /**
   * a token that every caller must show, which makes its holder an operator; auto creates one at each start and prints
   * it.
   *
   * @default ''
   */
  token: string;
  /**
   * Certificate for https and wss (PEM), followed by its intermediate certificates.
   *
   * @default ''
   */
  tlsCert: string;
  /**
   * Private key of the certificate (PEM, without a passphrase).
   *
   * @default ''
   */
  tlsKey: string;
  /**
   * Intermediate certificates of tlsCert, if they are in a separate file.
   *
   * @default ''
   */
  tlsCa: string;
  /**
   * CA bundle for client certificates; enables mutual TLS.
   *
   * @default ''
   */
  tlsClientCa: string;
  /**
   * Revoked client certificates: a CRL for each CA of tlsClientCa.
   *
   * @default ''
   */
  tlsClientCrl: string;
  /**
   * Addresses or networks of proxies whose X-Forwarded-For and Forwarded headers are used, separated by commas.
   *
   * @default ''
   */
  trustedProxies: string[];
  /**
   * Allow public host names that resolve to loopback or private addresses.
   *
   * @default false
   */
  allowPrivateUpstreams: boolean;
  /**
   * Where state is kept: in memory; in a file, so that sessions outlive a restart; or in a Redis or Valkey that several
   * Switchboards share, also behind Sentinels: redis+sentinel://host:26379,host:26379/mymaster (a URL with a password
   * belongs into SWITCHBOARD_STORE). auto is a file for each port in the state folder of the user for "switchboard
   * serve" on a port, and memory elsewhere.
   *
   * @default 'auto'
   */
  store: string;
  /**
   * Largest size of the file of the store; what does not fit is kept in memory only. In bytes.
   *
   * @default '256MiB'
   */
  maxStoreSize: number;
  /**
   * Processes of "switchboard serve" that share the port and the store, so that several cores are used; auto is one for
   * each core.
   *
   * @default 1
   */
  workers: number | 'auto';
  /**
   * Address on which the other nodes of the cluster reach this one; needs a store that several machines reach, and a
   * cluster key. Without it a Redis is for one process.
   *
   * @default ''
   */
  peerListen: string;
  /**
   * URL at which the other nodes reach peerListen; by default its address and port.
   *
   * @default ''
   */
  peerUrl: string;
  /**
   * File with the key that the nodes of the cluster share, of at least 32 bytes; a second line is accepted too, so that
   * keys can be changed. One process alone seals with it what it has in a Redis.
   *
   * @default ''
   */
  clusterKeyFile: string;
  /**
   * The same key as text, in place of clusterKeyFile.
   *
   * @default ''
   */
  clusterKey: string;
  /**
   * Name of this node in status and logs; by default the host of its peer URL.
   *
   * @default ''
   */
  nodeName: string;
  /**
   * Certificate for TLS between nodes (PEM); without it they speak plain HTTP, signed but not encrypted.
   *
   * @default ''
   */
  peerTlsCert: string;
  /**
   * Private key of peerTlsCert (PEM, without a passphrase).
   *
   * @default ''
   */
  peerTlsKey: string;
  /**
   * CA bundle to check the certificates of other nodes with; by default the CAs of the system.
   *
   * @default ''
   */
  peerTlsCa: string;
  /**
   * Lowest level to log; the log goes to stderr.
   *
   * @default 'info'
   */
  logLevel: 'trace' | 'debug' | 'info' | 'warn' | 'error' | 'silent';
  /**
   * Format of the log: auto is text where stderr is a terminal, and one JSON object a line elsewhere.
   *
   * @default 'auto'
   */
  logFormat: 'auto' | 'json' | 'text';
  /**
   * Interval of the statistics line in the log (level info); not logged when stdio is the only transport. In
   * milliseconds.
   *
   * @default '60s'
   */
  statsInterval: number;
  /**
   * Report the remaining requests in _meta of every result; by default only to clients that ask for it.
   *
   * @default false
   */
  tellAllowance: boolean;
  /**
   * Serve Prometheus metrics at /metrics, to this machine and to the role operator.
   *
   * @default 'on'
   */
  metrics: boolean;
  /**
   * URL of a trace in your trace system, with {traceId} for its id, such as https://jaeger.example.com/trace/{traceId};
   * the console links requests to it.
   *
   * @default ''
   */
  traceUrl: string;
  /**
   * File that gets one line for each request: caller, time, method, target and outcome.
   *
   * @default ''
   */
  auditLog: string;
  /**
   * Also write params and results to the audit log, with values named password, token, secret or key removed.
   *
   * @default false
   */
  auditContents: boolean;
  /**
   * Serve the console, a page for operators, at /console on the port of the clients; beyond this machine it requires
   * TLS and authentication. read-only: nobody changes anything from it.
   *
   * @default 'on'
   */
  console: 'on' | 'read-only' | 'off';
  /**
   * Port of the admin API, which serves this machine only: shared is /admin on the same port (with TLS, a free port of
   * its own).
   *
   * @default 'shared'
   */
  adminPort: number | 'shared' | 'off';
  /**
   * Token of the admin API; without it, a random token is created at each start.
   *
   * @default ''
   */
  adminToken: string;
}
