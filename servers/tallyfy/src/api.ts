import { Failure } from './failure.ts';
import { Http } from './http.ts';

export const DEFAULT_BASE_URL = 'https://go.tallyfy.com/api';

/** What the API is asked with. */
export interface Credentials {
  apiKey: string;
  orgId: string;
}

export interface ApiOptions {
  /** Undefined makes every call fail with `not_configured`. */
  credentials: Credentials | undefined;
  baseUrl: string;
  timeoutMs: number;
}

/** A thing of Tallyfy's, as the API writes it. */
export type Thing = Record<string, unknown>;

/** Which part of a list an answer has. */
export interface Page {
  number: number;
  /** How many entries and pages there are altogether, where the API tells. */
  total?: number;
  pages?: number;
  /** The page to ask for next, if there is one. */
  next?: number;
}

export interface Listed {
  items: Thing[];
  page: Page;
}

export interface PageRequest {
  page: number;
  per_page: number;
  /** From `page` to the end, but no more than MAX_ITEMS entries. */
  all_pages: boolean;
}

export type Query = Record<string, string | number | boolean | readonly (string | number)[] | undefined>;

/** How one call waits and tells of it. */
export interface Patience {
  signal: AbortSignal;
  waiting?: (milliseconds: number, reason: string) => void;
  /** Told after each page, where several are read. */
  reading?: (entries: number, total: number | undefined) => void;
}

const MAX_ITEMS = 1_000;
const MAX_ALL = 5_000;
const LARGEST_PAGE = 100;

/** The API of one organization, on behalf of the member whose key it is. */
export class Tallyfy {
  readonly #http: Http;
  readonly #credentials: Credentials | undefined;

  constructor({ credentials: given, baseUrl, timeoutMs }: ApiOptions) {
    // A header cannot carry anything else.
    const credentials = given && /^[\x21-\x7e]+$/.test(given.apiKey) && given.orgId !== '' ? given : undefined;
    this.#credentials = credentials;
    const headers: Record<string, string> = {
      accept: 'application/json',
      // Without it the API answers 401, or that there is no such endpoint.
      'x-tallyfy-client': 'APIClient',
      ...(credentials && { authorization: `Bearer ${credentials.apiKey}` }),
    };
    this.#http = new Http({ baseUrl: baseUrl.replace(/\/+$/, ''), headers, timeoutMs, secret: credentials?.apiKey });
  }

  /** The API for the time of one call. */
  during(patience: Patience): Api {
    return new Api(this.#http, this.#credentials, patience);
  }
}

/** The API for the time of one call: paths are below the organization; make them with `path`. Every method throws a Failure. */
export class Api {
  readonly #http: Http;
  readonly #credentials: Credentials | undefined;
  readonly #patience: Patience;

  constructor(http: Http, credentials: Credentials | undefined, patience: Patience) {
    this.#http = http;
    this.#credentials = credentials;
    this.#patience = patience;
  }

  /** The organization that is worked in. */
  get orgId(): string {
    return this.#ready.orgId;
  }

  /** One thing: the API wraps it as `{data: …}`. */
  async get(path: string, query: Query = {}): Promise<Thing> {
    return unwrapped(await this.#send('GET', path, { query }));
  }

  async post(path: string, body: Thing = {}): Promise<Thing> {
    return unwrapped(await this.#send('POST', path, { body }));
  }

  async put(path: string, body: Thing = {}): Promise<Thing> {
    return unwrapped(await this.#send('PUT', path, { body }));
  }

  async delete(path: string): Promise<Thing> {
    return unwrapped(await this.#send('DELETE', path));
  }

  /** The answer as it comes, without secrets. */
  raw(path: string, query: Query = {}): Promise<unknown> {
    return this.#send('GET', path, { query });
  }

  /** A page of a list, `{data: […], meta: {pagination: …}}`, or several in one. */
  async list(path: string, request: PageRequest, query: Query = {}, most: number = MAX_ITEMS): Promise<Listed> {
    const { all_pages: all } = request;
    const per_page = all ? LARGEST_PAGE : request.per_page;
    const items: Thing[] = [];
    for (let number = request.page; ; number += 1) {
      const answer = await this.#send('GET', path, { query: { ...query, page: number, per_page } });
      const { data, meta } = (answer ?? {}) as { data?: unknown; meta?: { pagination?: Pagination } };
      if (!Array.isArray(data)) throw new Failure('unexpected_answer', `GET ${path} was answered without a list.`);
      items.push(...(data as Thing[]));
      const page = pageOf(number, data.length, per_page, meta?.pagination);
      if (!all || page.next === undefined || items.length + LARGEST_PAGE > most) return { items, page };
      this.#patience.reading?.(items.length, page.total);
    }
  }

  /** Everything in a list that is small by nature, such as the members; a Failure above 5000 entries, and never a part. */
  async all(path: string, query: Query = {}): Promise<Thing[]> {
    const request = { page: 1, per_page: LARGEST_PAGE, all_pages: true };
    const { items, page } = await this.list(path, request, query, MAX_ALL);
    if (page.next === undefined) return items;
    throw new Failure('invalid', `There are more than ${MAX_ALL} entries in ${path}: give an id instead of a name.`);
  }

  get #ready(): Credentials {
    if (this.#credentials) return this.#credentials;
    throw new Failure(
      'not_configured',
      'There is no API key, or one with spaces or line breaks in it, or no organization.',
    );
  }

  async #send(
    method: 'GET' | 'POST' | 'PUT' | 'DELETE',
    below: string,
    { query = {}, body }: { query?: Query; body?: Thing } = {},
  ): Promise<unknown> {
    const { signal, waiting } = this.#patience;
    const organization = path`organizations/${this.orgId}`;
    const answer = await this.#http.json({
      method,
      path: below === '' ? organization : `${organization}/${below}`,
      query: written(query),
      body,
      signal,
      waiting,
    });
    return withoutSecrets(answer);
  }
}

interface Pagination {
  total?: number;
  per_page?: number;
  current_page?: number;
  total_pages?: number;
}

/** A path whose values are encoded, so that none of them can lead elsewhere. */
export function path(literals: TemplateStringsArray, ...values: readonly (string | number)[]): string {
  return literals.reduce((whole, literal, at) => {
    const value = String(values[at - 1]);
    // A dot segment would be resolved by the URL parser, however it is encoded.
    if (/^\.{0,2}$/.test(value)) throw new Failure('invalid', `'${value}' is not an id.`);
    return whole + encodeURIComponent(value) + literal;
  });
}

function unwrapped(answer: unknown): Thing {
  const { data } = (answer ?? {}) as { data?: unknown };
  const thing = data ?? answer ?? {};
  return Array.isArray(thing) || typeof thing !== 'object' ? { value: thing } : (thing as Thing);
}

/** Some lists do not tell how many pages they have: then there is a next one if this one is full. */
function pageOf(number: number, entries: number, asked: number, pagination: Pagination = {}): Page {
  const { total, per_page: size = asked, total_pages } = pagination;
  const pages = total_pages ?? (total === undefined ? undefined : Math.max(1, Math.ceil(total / size)));
  const more = pages === undefined ? entries > 0 && entries >= size : number < pages;
  return {
    number,
    ...(total !== undefined && { total }),
    ...(pages !== undefined && { pages }),
    ...(more && { next: number + 1 }),
  };
}

/** Lists are separated by commas; what is undefined is left out. */
function written(query: Query): Record<string, string> {
  const written: Record<string, string> = {};
  for (const [name, value] of Object.entries(query)) {
    if (value === undefined || (Array.isArray(value) && value.length === 0)) continue;
    written[name] = Array.isArray(value) ? value.join(',') : String(value);
  }
  return written;
}

const SECRET_NAME = /(password|secret|token|api_?key|guest_code)$/i;

/** Passwords and tokens; and the link of a guest, which signs in whoever has it. */
function withoutSecrets(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withoutSecrets);
  if (typeof value !== 'object' || value === null) return value;
  const isPerson = 'email' in value;
  return Object.fromEntries(
    Object.entries(value)
      // `top_secret` of a task says yes or no.
      .filter(([name, inner]) => typeof inner === 'boolean' || !SECRET_NAME.test(name))
      .filter(([name]) => !(isPerson && name === 'link'))
      .map(([name, inner]) => [name, withoutSecrets(inner)]),
  );
}
