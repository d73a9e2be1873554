/** Builds the upstreams that the options describe. */
import { isIP } from 'node:net';

import type { Emit } from '../observe/events.ts';
import { SwitchboardError } from '../protocol/errors.ts';
import { CallerAudience } from '../router/audience.ts';
import type { SessionContext } from '../protocol/session-context.ts';
import type { Channel } from '../transports/channel.ts';
import { HttpClientChannel } from '../transports/http/client.ts';
import { Tunnel, proxyFor } from '../transports/proxy.ts';
import { checkedLookup, hostOf, refusedAddress } from '../transports/safe-lookup.ts';
import { viaHeader } from '../transports/http/via.ts';
import { SseClientChannel } from '../transports/http/sse-client.ts';
import { readClientTls } from '../transports/tls/client-tls.ts';
import { CLIENT_DEFAULTS, connectWebSocket } from '../transports/websocket/client.ts';
import { ClientToken } from '../upstreams/client-token.ts';
import { CredentialTemplate } from '../upstreams/credentials.ts';
import type { Credentials } from '../upstreams/credentials.ts';
import { connectInProcess } from '../upstreams/in-process.ts';
import type { HealthLimits } from '../upstreams/member-health.ts';
import { OrphanGuard } from '../upstreams/orphan-guard.ts';
import { MARK_VARIABLE, Stragglers } from '../upstreams/stragglers.ts';
import { Pool } from '../upstreams/pool.ts';
import { connectProcess } from '../upstreams/process.ts';
import { parseDuration, parseSize } from '../util/units.ts';
import { advice, childEnvironment, withheldFrom } from './child-environment.ts';
import type { Environment } from './child-environment.ts';
import type { Cluster } from './cluster.ts';
import type { Settings } from './settings.ts';
import type { CommandUpstream, UpstreamOptions, UrlUpstream } from './upstream-options.ts';
import { PRODUCT } from './product.ts';
import { patienceFor } from './slow-start.ts';

const PROBE_TIMEOUT_MS = 5000;
const HANDSHAKE_TIMEOUT_MS = 15_000;
const MAX_REMOTE_SOCKETS = 256;
/** Of isolation `pool`. */
const DEFAULT_MEMBERS = 2;

export interface BuildOptions {
  /** Of the gateway, told to remote upstreams. */
  id: string;
  settings: Settings;
  upstreams: Readonly<Record<string, UpstreamOptions>>;
  environment: Environment;
  emit: Emit;
  cluster?: Pick<Cluster, 'members' | 'credentialSalt'> | undefined;
}

export function buildPools({ id, settings, upstreams, environment, emit, cluster }: BuildOptions): Map<string, Pool> {
  const stragglers = new Stragglers();
  const guard = new OrphanGuard(`${MARK_VARIABLE}=${stragglers.run}-`);
  const limits = { maxMessageBytes: settings.maxUpstreamMessageSize, maxQueueBytes: settings.maxQueueSize };
  /** Variables that servers were found to miss, by upstream: each is told once. */
  const missed = new Set<string>();

  const startCommand = (
    name: string,
    { command, args = [], env = {}, inheritEnv = [], cwd }: CommandUpstream,
    credentials: Credentials | undefined,
  ): Promise<Channel> => {
    const own = { ...env, ...credentials?.texts };
    const childEnv = childEnvironment(environment, [...settings.inheritEnv, ...inheritEnv], own);
    return connectProcess({
      command,
      args,
      env: childEnv,
      ...(cwd !== undefined && { cwd }),
      limits: { ...limits, stallMs: settings.stallTimeout },
      guard,
      stragglers,
      ...(credentials !== undefined && { mask: credentials.mask }),
      onStderr: (line) => {
        emit({ type: 'upstream.stderr', upstream: name, line });
        for (const variable of withheldFrom(childEnv, environment, line)) {
          if (missed.has(`${name} ${variable}`)) continue;
          missed.add(`${name} ${variable}`);
          emit({ type: 'upstream.withheld', upstream: name, variable, advice: advice([variable]) });
        }
      },
      explain: (stderr) => {
        const names = withheldFrom(childEnv, environment, stderr);
        return names.length === 0 ? undefined : advice(names);
      },
    });
  };

  const connectUrl = async (
    { url, headers: own = {}, sse = false, subprotocol, tls: files }: UrlUpstream,
    credentials: Credentials | undefined,
    authorization: ClientToken | undefined,
    via: readonly string[],
  ): Promise<Channel> => {
    const headers = { ...own, ...credentials?.texts, ...viaHeader(via, id) };
    const address = new URL(url);
    const lookup = settings.allowPrivateUpstreams ? {} : { lookup: checkedLookup() };
    refuseLiteral(address, settings);
    const proxy = proxyFor(address, environment);
    const tunnel = proxy === undefined ? {} : { tunnel: new Tunnel(proxy, lookup.lookup) };
    // Read each time: certificates are replaced before they end.
    const tls = files === undefined ? {} : { tls: readClientTls(files) };
    if (sse) {
      const remote = {
        maxSockets: MAX_REMOTE_SOCKETS,
        endpointTimeoutMs: HANDSHAKE_TIMEOUT_MS,
        ...lookup,
        ...tunnel,
        ...tls,
      };
      return new SseClientChannel(address, { ...limits, ...remote, headers });
    }
    if (address.protocol.startsWith('http')) {
      const { maxMessageBytes } = limits;
      return new HttpClientChannel(address, {
        headers,
        ...(authorization !== undefined && { authorization }),
        maxMessageBytes,
        maxSockets: MAX_REMOTE_SOCKETS,
        ...lookup,
        ...tunnel,
        ...tls,
      });
    }
    return connectWebSocket(address, {
      ...CLIENT_DEFAULTS,
      ...limits,
      ...lookup,
      ...tunnel,
      ...tls,
      ...(subprotocol !== undefined && { subprotocol }),
      headers,
      maxQueueMessages: settings.maxQueueMessages,
      pingIntervalMs: settings.pingInterval,
      handshakeTimeoutMs: HANDSHAKE_TIMEOUT_MS,
    });
  };

  return new Map(
    Object.entries(upstreams).map(([name, options]) => {
      const token =
        'url' in options && options.oauth !== undefined ? new ClientToken(options.oauth, environment) : undefined;
      const connect = (
        credentials: Credentials | undefined,
        via: readonly string[],
        context?: SessionContext,
      ): Promise<Channel> => {
        if ('command' in options) return startCommand(name, options, credentials);
        if ('url' in options) return connectUrl(options, credentials, token, via);
        return connectInProcess(options.server, context);
      };
      const era = options.era ?? ('url' in options && options.sse === true ? 'legacy' : undefined);
      const warm = 'command' in options ? (options.warm ?? settings.warm) : 0;
      const texts = 'command' in options ? options.env : 'url' in options ? options.headers : undefined;
      const isolation = options.isolation ?? settings.isolation;
      // One at an address can be reached from everywhere.
      const isTogether = cluster !== undefined && !('url' in options) && options.placement !== 'each';
      const pool = new Pool({
        name,
        isolation,
        members: Math.min(options.members ?? DEFAULT_MEMBERS, settings.maxMembers),
        warm,
        context: options.context ?? 'server' in options,
        ...(era !== undefined && { era }),
        maxMembers: settings.maxMembers,
        lingerMs: settings.idleTimeout,
        limits: limitsOf(options, settings),
        crashes: { limit: settings.crashLimit, windowMs: settings.crashWindow, pauseMs: settings.crashPause },
        template: new CredentialTemplate(texts ?? {}, cluster?.credentialSalt),
        isTogether,
        // A session has its member where it is itself.
        placement: isTogether && isolation !== 'session' ? cluster.members.placementOf(name, options) : undefined,
        startTimeoutMs: settings.startTimeout,
        probeTimeoutMs: Math.min(PROBE_TIMEOUT_MS, settings.startTimeout),
        patience: patienceFor(options, settings.startTimeout),
        clientInfo: { ...PRODUCT },
        connect,
        isRemote: 'url' in options,
        newAudience: (exclusive) => new CallerAudience(exclusive),
        emit,
      });
      return [name, pool];
    }),
  );
}

/** An address is not looked up, so it is checked here. @throws {SwitchboardError} `SWB_CONNECT_FAILED` */
function refuseLiteral(url: URL, { allowPrivateUpstreams }: Settings): void {
  const host = hostOf(url);
  const refused = allowPrivateUpstreams || isIP(host) === 0 ? undefined : refusedAddress(host, host);
  if (refused !== undefined) throw new SwitchboardError('SWB_CONNECT_FAILED', { detail: refused });
}

function limitsOf(options: UpstreamOptions, settings: Settings): HealthLimits {
  const maxAgeMs = options.maxAge === undefined ? undefined : parseDuration(options.maxAge);
  const maxMemory = 'maxMemory' in options ? options.maxMemory : undefined;
  const maxMemoryBytes = maxMemory === undefined ? undefined : parseSize(maxMemory);
  return {
    livenessIntervalMs: settings.livenessInterval,
    livenessTimeoutMs: settings.livenessTimeout,
    busyTimeoutMs: settings.requestTimeout,
    idleMs: settings.memberIdleTimeout,
    ...(options.maxRequests !== undefined && { maxRequests: options.maxRequests }),
    ...(maxAgeMs !== undefined && { maxAgeMs }),
    ...(maxMemoryBytes !== undefined && { maxMemoryBytes }),
  };
}
