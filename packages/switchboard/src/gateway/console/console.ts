/**
 * The console: a page for operators below `/console`, and what it asks. Its files are those of the package of the pages; what it asks is
 * the admin API, for who has signed in.
 *
 * Each request to the API must show the cookie of a session, which a browser sends for the page alone (`SameSite=Strict`). As a page on
 * another port of the same host counts as the same site, each must come from the console's own origin as well, and what changes something
 * must show the token of its session, which the page has from signing in.
 */
import type { IncomingMessage, ServerResponse } from 'node:http';

import { SwitchboardError } from '../../protocol/errors.ts';
import { readBody, requireJson } from '../../transports/http/body.ts';
import { isOfThisMachine } from '../../transports/http/guard.ts';
import { isObject } from '../../protocol/jsonrpc.ts';
import { isLoopback } from '../../util/address.ts';
import type { Access } from '../access.ts';
import { asReader, operatorRoleOf } from '../admin/operator.ts';
import type { Operator } from '../admin/operator.ts';
import type { OperatorApi } from '../admin/operator-api.ts';
import type { ConsoleLink } from '../admin/route.ts';
import type { Settings } from '../settings.ts';
import { checkCsrfToken, csrfTokenOf } from './csrf-token.ts';
import { Links } from './links.ts';
import { SESSION_MS, Sessions } from './sessions.ts';

/** Answers a request for a page or one of its files; false, and nothing done, where it is for something else. */
export type PageServer = (request: IncomingMessage, response: ServerResponse) => boolean;

export interface ConsoleOptions {
  settings: Settings;
  access: Access;
  api: OperatorApi;
  servePages: PageServer;
  /** Where it is; known once it is listened on. */
  url(): string;
  /** Has another process of this machine answer, where that is the one that does. @default there is none */
  pass?: ((request: IncomingMessage, response: ServerResponse) => Promise<boolean>) | undefined;
}

const BASE = '/console';
const API = '/console/api';
const MAX_BODY_BYTES = 4096;
/** What is listened on where that is all addresses of this machine. */
const EVERYWHERE: ReadonlySet<string> = new Set(['0.0.0.0', '::']);

export class Console {
  readonly #options: ConsoleOptions;
  readonly #links: Links;
  readonly #sessions: Sessions;

  constructor(options: ConsoleOptions) {
    this.#options = options;
    this.#links = new Links(options.access.credentials);
    this.#sessions = new Sessions(options.access.credentials);
  }

  /**
   * A link that signs in whoever opens it first. What is behind `#` reaches no log: browsers do not send it.
   *
   * @returns undefined where nobody could open it: beyond this machine, without TLS and authentication.
   */
  link(operator: Operator): ConsoleLink | undefined {
    const url = this.#ownUrl;
    if (url === undefined) return undefined;
    const { secret, expiresAt } = this.#links.make(operator);
    return { url: `${url}/#${secret}`, expiresAt };
  }

  /** Where it can be opened: for this machine alone, where others are not let in. */
  get #ownUrl(): string | undefined {
    const { settings, access } = this.#options;
    const { host, tlsCert, behindProxy } = settings;
    const url = new URL(this.#options.url());
    if (EVERYWHERE.has(host)) url.hostname = '127.0.0.1';
    else if (!isLoopback(host) && !(access.isOn && (tlsCert !== '' || behindProxy))) return undefined;
    return url.href;
  }

  /** Answers what is below its path, and leads browsers there from `/`; undefined for others. Rejects with what is to be said. */
  serve(path: string, request: IncomingMessage, response: ServerResponse): Promise<void> | undefined {
    const { method, headers } = request;
    const isReading = method === 'GET' || method === 'HEAD';
    const isBrowser = isReading && /\btext\/html\b/i.test(headers.accept ?? '');
    if (((path === '/' && isBrowser) || (path === BASE && isReading)) && this.#isOpenTo(request))
      return this.#redirect(response);
    return path.startsWith(`${BASE}/`) ? this.#serve(path, request, response) : undefined;
  }

  close(): void {
    this.#links.close();
    this.#sessions.close();
  }

  async #redirect(response: ServerResponse): Promise<void> {
    response.writeHead(302, { location: `${BASE}/`, 'cache-control': 'no-store' }).end();
  }

  async #serve(path: string, request: IncomingMessage, response: ServerResponse): Promise<void> {
    this.#guard(request);
    if (path.startsWith(`${API}/`)) {
      response.setHeader('x-content-type-options', 'nosniff');
      response.setHeader('cross-origin-resource-policy', 'same-origin');
      await this.#serveApi(path.slice(API.length), request, response);
    } else if (!this.#options.servePages(request, response)) {
      throw new SwitchboardError('SWB_NOT_FOUND', { detail: JSON.stringify(path) });
    }
  }

  /** @throws {SwitchboardError} `SWB_NOT_FOUND` beyond this machine without TLS and authentication. */
  #guard(request: IncomingMessage): void {
    if (this.#isOpenTo(request)) return;
    const detail = 'beyond this machine the console requires TLS and authentication';
    throw new SwitchboardError('SWB_NOT_FOUND', { detail });
  }

  #isOpenTo(request: IncomingMessage): boolean {
    return isOfThisMachine(request) || (this.#isSecure(request) && this.#options.access.isOn);
  }

  /** Whether the browser came by TLS, to Switchboard itself or to the proxy in front of it. */
  #isSecure(request: IncomingMessage): boolean {
    const { tlsCert, behindProxy } = this.#options.settings;
    return tlsCert !== '' || (behindProxy && !isOfThisMachine(request));
  }

  async #serveApi(path: string, request: IncomingMessage, response: ServerResponse): Promise<void> {
    this.#checkOrigin(request);
    if ((await this.#options.pass?.(request, response)) === true) return;
    await this.#answerApi(path, request, response);
  }

  /** Answers what another process of this machine has passed on, which has checked where it comes from. Rejects with what is to be said. */
  answerPassed(path: string, request: IncomingMessage, response: ServerResponse): Promise<void> {
    return this.#answerApi(path.slice(API.length), request, response);
  }

  async #answerApi(path: string, request: IncomingMessage, response: ServerResponse): Promise<void> {
    if (path === '/sign-in') {
      await this.#signIn(request, response);
      return;
    }
    const secret = this.#cookieOf(request);
    const session = secret === undefined ? undefined : this.#sessions.find(secret);
    if (secret === undefined || session === undefined) {
      const detail = 'sign in with a key, or with a new link: switchboard console prints one';
      throw new SwitchboardError('SWB_UNAUTHORIZED', { detail });
    }
    checkCsrfToken(request, secret);
    if (path === '/sign-out') {
      allow(request, response, 'POST');
      this.#sessions.end(secret);
      this.#answer(response, {}, this.#cookie(request, '', 0));
      return;
    }
    if (path === '/me') {
      allow(request, response, 'GET');
      this.#answer(response, { ...meOf(session.operator, secret), expiresAt: session.operator.signedIn.until });
      return;
    }
    session.responses.add(response);
    response.once('close', () => session.responses.delete(response));
    await this.#options.api.answer(path, request, response, session.operator);
  }

  /**
   * What changes something must say that it comes from this very page; what only reads must not say that it comes from another.
   *
   * @throws {SwitchboardError} `SWB_ORIGIN_REFUSED`
   */
  #checkOrigin(request: IncomingMessage): void {
    const { method, headers } = request;
    const { origin, host, 'sec-fetch-site': site } = headers;
    const own = `${this.#isSecure(request) ? 'https' : 'http'}://${host ?? ''}`;
    const isReading = method === 'GET' && origin === undefined;
    if ((isReading || origin === own) && (site === undefined || site === 'same-origin')) return;
    const detail = `${JSON.stringify(origin ?? 'none')}; the console answers its own page alone, at ${own}`;
    throw new SwitchboardError('SWB_ORIGIN_REFUSED', { detail });
  }

  async #signIn(request: IncomingMessage, response: ServerResponse): Promise<void> {
    allow(request, response, 'POST');
    const before = this.#cookieOf(request);
    const identified = await this.#identify(request);
    const operator = this.#options.settings.console === 'read-only' ? asReader(identified) : identified;
    // What was in the cookie before is not taken over, whoever put it there.
    if (before !== undefined) this.#sessions.end(before);
    const secret = this.#sessions.open(operator);
    const maxAge = Math.floor(SESSION_MS / 1000);
    this.#answer(response, meOf(operator, secret), this.#cookie(request, secret, maxAge));
  }

  /** By the link in the body, or else as every other caller is: by a key, a token or a certificate. */
  async #identify(request: IncomingMessage): Promise<Operator> {
    const { access } = this.#options;
    const { authorization, 'content-length': length = '0' } = request.headers;
    if (authorization === undefined && length !== '0') {
      requireJson(request);
      const operator = this.#links.take(linkIn(await readBody(request, MAX_BODY_BYTES)));
      if (operator !== undefined) return operator;
      const detail = 'the link was used, or is too old; get another: switchboard console';
      throw new SwitchboardError('SWB_UNAUTHORIZED', { detail });
    }
    const identity = await access.identify(request);
    const rights = operatorRoleOf(identity.roles);
    if (rights === undefined) {
      const detail = `${identity.principal} has none of the roles operator, auditor and viewer`;
      throw new SwitchboardError('SWB_REFUSED', { detail });
    }
    return { name: identity.principal, ...rights, signedIn: { identity, until: identity.expiresAt ?? Infinity } };
  }

  #answer(response: ServerResponse, body: object, cookie?: string): void {
    response.writeHead(200, {
      'content-type': 'application/json',
      'cache-control': 'no-store',
      ...(cookie !== undefined && { 'set-cookie': cookie }),
    });
    response.end(JSON.stringify(body));
  }

  /** Cookies do not tell ports apart, and several Switchboards may run on one host. */
  get #cookieName(): string {
    return `switchboard-console-${new URL(this.#options.url()).port || 'default'}`;
  }

  #cookie(request: IncomingMessage, secret: string, maxAgeS: number): string {
    const secure = this.#isSecure(request) ? '; Secure' : '';
    return `${this.#cookieName}=${secret}; Path=${BASE}; Max-Age=${maxAgeS}; HttpOnly; SameSite=Strict${secure}`;
  }

  #cookieOf({ headers }: IncomingMessage): string | undefined {
    const start = `${this.#cookieName}=`;
    const found = (headers.cookie ?? '').split(';').find((each) => each.trim().startsWith(start));
    return found?.trim().slice(start.length);
  }
}

/** What the page gets to know of who is signed in. */
const meOf = ({ name, role, readsContents, isReadOnly }: Operator, secret: string): object => ({
  name,
  role,
  readsContents,
  isReadOnly,
  csrfToken: csrfTokenOf(secret),
});

function linkIn(text: string): string {
  try {
    const body: unknown = JSON.parse(text);
    if (isObject(body) && typeof body['link'] === 'string') return body['link'];
  } catch {
    // Told below.
  }
  throw new SwitchboardError('SWB_INVALID_PARAMS', { detail: 'body.link: expected what the link has behind its #' });
}

/** @throws {SwitchboardError} `SWB_METHOD_NOT_ALLOWED` */
function allow(request: IncomingMessage, response: ServerResponse, method: string): void {
  if (request.method === method) return;
  response.setHeader('allow', method);
  throw new SwitchboardError('SWB_METHOD_NOT_ALLOWED', { detail: `${request.method}; allowed: ${method}` });
}
