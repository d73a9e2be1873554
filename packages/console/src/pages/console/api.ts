import { isRecord } from '../common/fields.ts';
import type { Me } from './facts.ts';
import { OPERATIONS, type Operation } from './operations.ts';

/** What the server refused, in its own words. */
export class Refusal extends Error {
  readonly status: number;
  /** The name of the error, such as `SWB_NOT_FOUND`. */
  readonly code: string;

  constructor(status: number, code: string, message: string) {
    super(message);
    this.status = status;
    this.code = code;
  }
}

export interface Request {
  /** What stands in the braces of the path. */
  readonly name?: string;
  readonly query?: Readonly<Record<string, string>>;
  readonly body?: object;
}

/** The address of an operation, relative to the page. */
export function addressOf(operation: Operation, { name, query }: Request = {}): string {
  const [, path = ''] = OPERATIONS[operation].split(' /');
  const words = new URLSearchParams(query).toString();
  return `api/${path.replace(/\{\w+\}/, encodeURIComponent(name ?? ''))}${words === '' ? '' : `?${words}`}`;
}

/** @throws {Refusal} with status 0 where nothing answered. */
export async function ask<Answer>(operation: Operation, request: Request = {}): Promise<Answer> {
  const [method = ''] = OPERATIONS[operation].split(' ');
  return send<Answer>(method, addressOf(operation, request), request.body);
}

/** In a cluster: the nodes that did not do it, and why. */
export function failedNodes(answer: unknown): string[] {
  const nodes = isRecord(answer) && isRecord(answer['nodes']) ? answer['nodes'] : {};
  return Object.entries(nodes).flatMap(([name, said]) =>
    isRecord(said) && typeof said['error'] === 'string' ? [`${name}: ${said['error']}`] : [],
  );
}

/** That of who is signed in. */
let csrfToken = '';

async function take(asked: Promise<Me>): Promise<Me> {
  const me = await asked;
  ({ csrfToken } = me);
  return me;
}

/** What a request must come with. */
export const headersFor = (method: string, body?: object): Record<string, string> => ({
  ...(method !== 'GET' && csrfToken !== '' && { 'switchboard-csrf-token': csrfToken }),
  ...(body !== undefined && { 'content-type': 'application/json' }),
});

export const whoAmI = (): Promise<Me> => take(send<Me>('GET', 'api/me'));
export const signInWithLink = (link: string): Promise<Me> => take(send<Me>('POST', 'api/sign-in', { link }));
export const signInWithKey = (key: string): Promise<Me> =>
  take(send<Me>('POST', 'api/sign-in', undefined, { authorization: `Bearer ${key}` }));
export const signOut = (): Promise<unknown> => send('POST', 'api/sign-out');

async function send<Answer>(
  method: string,
  address: string,
  body?: object,
  headers: Readonly<Record<string, string>> = {},
): Promise<Answer> {
  let response: Response;
  try {
    response = await fetch(address, {
      method,
      headers: { ...headersFor(method, body), ...headers },
      ...(body !== undefined && { body: JSON.stringify(body) }),
    });
  } catch {
    throw new Refusal(0, '', 'Switchboard does not answer. Is it running?');
  }
  if (!response.ok) throw await refusalOf(response);
  return (await response.json().catch(() => undefined)) as Answer;
}

async function refusalOf(response: Response): Promise<Refusal> {
  const answer = (await response.json().catch(() => undefined)) as
    | { readonly error?: { readonly message?: string; readonly data?: { readonly code?: string } } }
    | undefined;
  const { message = `Switchboard answered ${response.status}.`, data } = answer?.error ?? {};
  return new Refusal(response.status, data?.code ?? '', message);
}

/** Why a stream is refused, which an event source does not say; undefined where it is not. */
export async function whyRefused(address: string): Promise<Refusal | undefined> {
  const asking = new AbortController();
  try {
    const response = await fetch(address, { signal: asking.signal });
    return response.ok ? undefined : await refusalOf(response);
  } catch {
    return undefined;
  } finally {
    asking.abort();
  }
}
