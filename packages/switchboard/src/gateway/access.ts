/** Authentication: reads the credentials of a request, identifies the caller, and tells others how to authenticate. */
import type { IncomingMessage, ServerResponse } from 'node:http';

import type { Lockout } from '../limits/lockout.ts';
import { Authenticator } from '../auth/authenticator.ts';
import type { Method, Shown } from '../auth/method.ts';
import { NOBODY } from '../auth/identity.ts';
import type { Identity } from '../auth/identity.ts';
import { Jwt } from '../auth/jwt.ts';
import { KeysFile } from '../auth/keys-file.ts';
import { Revocations } from '../auth/revocations.ts';
import { ClientCertificates, certificateIdentity } from '../auth/mtls.ts';
import { CredentialWatcher } from '../auth/credential-watcher.ts';
import { TICKET_MS, Tickets } from '../auth/tickets.ts';
import { OwnerToken, makeToken } from '../auth/token.ts';
import type { Emit } from '../observe/events.ts';
import { SwitchboardError } from '../protocol/errors.ts';
import { ANONYMOUS_ROLE, OPERATOR_ROLE } from '../router/roles.ts';
import type { Roles } from '../router/roles.ts';
import type { SharedStore } from '../stores/store.ts';
import type { Proxies } from '../transports/http/client-address.ts';
import { offeredCredentials } from '../transports/websocket/server.ts';
import { owned } from '../util/owned.ts';
import type { AccessOptions } from './access-options.ts';
import type { Settings } from './settings.ts';
import { noticeEvent } from './store-notice.ts';

export interface AccessParts extends Pick<AccessOptions, 'jwt'> {
  settings: Settings;
  roles: Roles;
  store: SharedStore;
  proxies: Proxies;
  /** Counts a request by the rate limit. @throws {SwitchboardError} `SWB_RATE_LIMITED` */
  countRequest(identity: Identity, address: string): void;
  emit: Emit;
}

/** Where the metadata of a protected resource is, in front of its path (RFC 9728, section 3.1). */
const METADATA = '/.well-known/oauth-protected-resource';
const TICKET_PATH = '/ticket';
/** Parameters in which others carry secrets; a URL stands in logs and histories (RFC 6750, section 2.3). */
const SECRET_PARAMETERS = ['access_token', 'token', 'auth', 'authorization', 'api_key', 'apikey', 'key', 'ticket'];
/** How long clients and what is between may keep the metadata. */
const METADATA_MAX_AGE_S = 3600;

export class Access {
  /** The token that was made at this start, to be shown once. */
  readonly newToken: string | undefined;
  readonly credentials: CredentialWatcher;
  readonly #parts: AccessParts;
  readonly #authenticator: Authenticator;
  readonly #tickets: Tickets;
  /** Of requests that another process has passed on. */
  readonly #addresses: WeakMap<IncomingMessage, string> = new WeakMap();
  #revocations: Revocations | undefined;

  /** @throws {SwitchboardError} `SWB_CONFIG_INVALID` when there is no keys file that can be read. */
  constructor(parts: AccessParts) {
    const { settings, jwt, roles, store } = parts;
    this.#parts = parts;
    this.#tickets = new Tickets(store.facts, (notice) => parts.emit(noticeEvent(notice)));
    this.newToken = settings.token === 'auto' ? makeToken() : undefined;
    const token = this.newToken ?? settings.token;
    const methods: Method[] = [
      ...(settings.keysFile === '' ? [] : [this.#openKeys(settings.keysFile)]),
      ...(jwt === undefined ? [] : [new Jwt(jwt)]),
      ...(token === '' ? [] : [new OwnerToken(token, () => [OPERATOR_ROLE, ...roles.names])]),
      ...(settings.tlsClientCa === '' ? [] : [new ClientCertificates(settings.allowedOrigins)]),
    ];
    const admitsNobody = (): boolean => roles.has(ANONYMOUS_ROLE);
    this.#authenticator = new Authenticator({ methods, tickets: this.#tickets, admitsNobody });
    this.credentials = new CredentialWatcher((identity) => this.#authenticator.isRevoked(identity));
  }

  /** Whether callers can show who they are. */
  get isOn(): boolean {
    return this.#authenticator.isOn;
  }

  /** Who has shown wrong credentials. */
  get lockout(): Lockout {
    return this.#authenticator.lockout;
  }

  /** Who is on a channel that only the operator of this process can reach, such as its stdin. */
  get local(): Identity {
    return { ...NOBODY, roles: this.#parts.roles.names };
  }

  /**
   * Who sends a request.
   *
   * @param isUpgrade whether it is that of a WebSocket, which may show a token or a ticket among its subprotocols.
   * @throws {SwitchboardError} `SWB_UNAUTHORIZED`, `SWB_INSUFFICIENT_SCOPE`, `SWB_RATE_LIMITED`, `SWB_ISSUER_UNAVAILABLE`,
   * `SWB_BAD_REQUEST` when a secret stands in the URL.
   */
  async identify(request: IncomingMessage, isUpgrade = false): Promise<Identity> {
    refuseSecretInUrl(request);
    if (!this.isOn) return NOBODY;
    const identity = await this.#authenticator.identify(shownBy(request, this.addressOf(request), isUpgrade));
    const isNobody = identity.via === 'nothing';
    return isNobody ? { ...identity, roles: [ANONYMOUS_ROLE] } : identity;
  }

  /** Where a request comes from, through proxies that are trusted. */
  addressOf(request: IncomingMessage): string {
    return this.#addresses.get(request) ?? this.#parts.proxies.clientOf(request);
  }

  /** Where a request came from that another process has taken and passed on. */
  noteAddress(request: IncomingMessage, address: string): void {
    this.#addresses.set(request, address);
  }

  /** Headers that tell who was refused what to show (RFC 6750, section 3; RFC 9728, section 5.1). */
  challenge(request: IncomingMessage, path: string, error: SwitchboardError): Record<string, string> {
    const isRefusal = error.code === 'SWB_UNAUTHORIZED' || error.code === 'SWB_INSUFFICIENT_SCOPE';
    if (!isRefusal || !this.isOn) return {};
    const { jwt } = this.#parts;
    const showsNothing = request.headers.authorization === undefined;
    const scopes = jwt?.requiredScopes ?? [];
    const facts: Record<string, string | undefined> = {
      error:
        error.code === 'SWB_INSUFFICIENT_SCOPE' ? 'insufficient_scope' : showsNothing ? undefined : 'invalid_token',
      scope: scopes.length > 0 ? scopes.join(' ') : undefined,
      resource_metadata:
        jwt === undefined ? undefined : `${this.#originOf(request)}${METADATA}${path === '/' ? '' : quotable(path)}`,
    };
    const said = Object.entries(facts).flatMap(([name, value]) => (value === undefined ? [] : [`${name}="${value}"`]));
    return { 'www-authenticate': ['Bearer', said.join(', ')].join(' ').trim() };
  }

  /** Answers what is asked about coming in; undefined for other paths. Rejects as {@link identify}. */
  serve(path: string, request: IncomingMessage, response: ServerResponse): Promise<void> | undefined {
    if (path === TICKET_PATH && this.isOn) return this.#serveTicket(request, response);
    const { jwt } = this.#parts;
    const isMetadata = path === METADATA || path.startsWith(`${METADATA}/`);
    return isMetadata && jwt !== undefined ? this.#serveMetadata(jwt, request, response) : undefined;
  }

  /** Hears of keys that are revoked at other nodes of the cluster. Rejects with `SWB_STORE_UNAVAILABLE`. */
  async join(): Promise<void> {
    await this.#revocations?.join();
  }

  close(): void {
    this.#revocations?.close();
    this.credentials.close();
    this.#authenticator.close();
  }

  #openKeys(path: string): KeysFile {
    const { emit, settings, store } = this.#parts;
    const revocations =
      settings.peerListen === ''
        ? undefined
        : new Revocations({
            store,
            keys: () => keys.all,
            onChange: () => this.credentials.review(),
            onNotice: (notice) => emit(noticeEvent(notice)),
          });
    const keys = new KeysFile(path, {
      onChange: () => {
        this.credentials.review();
        // Where that is not possible now, it is done again each second.
        owned(
          () => revocations?.publish(),
          () => {},
        );
      },
      onFailed: (error) => emit({ type: 'failed', where: 'keys file', error }),
      isRevoked: revocations && ((key) => revocations.has(key)),
    });
    this.#revocations = revocations;
    return keys;
  }

  /**
   * The `Host` was checked before, which over HTTP/2 is the authority. That it came by TLS is known without asking the request: with a
   * certificate nothing else is spoken here, and the scheme of HTTP/2 is what the client makes it.
   */
  #originOf({ headers }: IncomingMessage): string {
    const { tlsCert, behindProxy } = this.#parts.settings;
    return `${tlsCert !== '' || behindProxy ? 'https' : 'http'}://${headers.host ?? ''}`;
  }

  async #serveTicket(request: IncomingMessage, response: ServerResponse): Promise<void> {
    allow(request, response, 'POST');
    const identity = await this.identify(request);
    if (identity.via === 'nothing')
      throw new SwitchboardError('SWB_UNAUTHORIZED', { detail: 'only an authenticated caller can get a ticket' });
    this.#parts.countRequest(identity, this.addressOf(request));
    const ticket = await this.#tickets.issue(identity, request.headers.origin);
    send(response, { ticket, expiresInMs: TICKET_MS }, { 'cache-control': 'no-store' });
  }

  async #serveMetadata(
    { issuer, audience, scopes = {}, requiredScopes = [] }: NonNullable<AccessParts['jwt']>,
    request: IncomingMessage,
    response: ServerResponse,
  ): Promise<void> {
    allow(request, response, 'GET');
    const supported = [...new Set([...requiredScopes, ...Object.keys(scopes)])];
    const metadata = {
      resource: typeof audience === 'string' ? audience : audience[0],
      authorization_servers: [issuer],
      bearer_methods_supported: ['header'],
      ...(supported.length > 0 && { scopes_supported: supported }),
    };
    // Whoever may come in must be able to read it before; there is nothing in it that is not public.
    const headers = { 'cache-control': `public, max-age=${METADATA_MAX_AGE_S}`, 'access-control-allow-origin': '*' };
    send(response, metadata, headers);
  }
}

/** What would end a quoted string (RFC 9110, section 5.6.4) and begin another parameter, as a URL writes it. */
const quotable = (path: string): string => path.replaceAll('"', '%22').replaceAll('\\', '%5C');

function shownBy(request: IncomingMessage, address: string, isUpgrade: boolean): Shown {
  const { authorization, origin, 'x-api-key': apiKey } = request.headers;
  const certificate = certificateIdentity(request.socket);
  const bearer = /^Bearer +([^\s]+)$/i.exec(authorization ?? '')?.[1];
  return {
    ...(isUpgrade && offeredCredentials(request)),
    ...(bearer !== undefined && { bearer }),
    ...(typeof apiKey === 'string' && { apiKey }),
    ...(origin !== undefined && { origin }),
    ...(certificate !== undefined && { certificate }),
    address,
  };
}

function refuseSecretInUrl({ url = '' }: IncomingMessage): void {
  const query = url.split('?', 2)[1];
  if (query === undefined) return;
  const found = [...new URLSearchParams(query).keys()].find((name) => SECRET_PARAMETERS.includes(name.toLowerCase()));
  if (found === undefined) return;
  const detail = `the parameter ${found} stands in the URL, where logs would keep it; send a header, and take another token`;
  throw new SwitchboardError('SWB_BAD_REQUEST', { detail });
}

function allow(request: IncomingMessage, response: ServerResponse, method: string): void {
  if (request.method === method) return;
  response.setHeader('allow', method);
  throw new SwitchboardError('SWB_METHOD_NOT_ALLOWED', { detail: `${request.method}; allowed: ${method}` });
}

function send(response: ServerResponse, body: object, headers: Record<string, string>): void {
  response.writeHead(200, { 'content-type': 'application/json', ...headers }).end(JSON.stringify(body));
}
