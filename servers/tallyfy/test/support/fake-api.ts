import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { onTestFinished } from 'vitest';

export const API_KEY = 'key-of-ada-0123456789';
export const ORG_ID = 'org-1';

/** What the fake was asked: the path below the organization. */
export interface Asked {
  method: string;
  path: string;
  query: Record<string, string>;
  body: unknown;
}

export interface Reply {
  status?: number;
  headers?: Record<string, string>;
  body?: unknown;
}

export type Behaviour = (asked: Asked) => Reply | Promise<Reply> | undefined;

/** The Tallyfy API on this machine: same paths, headers, statuses and shapes, with as little behind them as the tests need. */
export interface FakeApi {
  url: string;
  asked: Asked[];
  /** How many connections were made. */
  connections: number;
  /** Requests that the client gave up, as `GET tasks`. */
  aborted: string[];
  /** Answers the next requests, one each, before the things below do. */
  next: Behaviour[];
  /** What there is: lists by their path, things by theirs. */
  things: Record<string, unknown>;
}

/** Starts a fake, which ends with the test. */
export async function fakeApi(things: Record<string, unknown> = {}): Promise<FakeApi> {
  const fake: FakeApi = { url: '', asked: [], connections: 0, aborted: [], next: [], things };
  const server: Server = createServer((request, response) => void answer(fake, request, response));
  server.on('connection', () => (fake.connections += 1));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => {
    server.close();
    server.closeAllConnections();
  });
  fake.url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/api`;
  return fake;
}

async function answer(fake: FakeApi, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  const url = new URL(request.url ?? '/', 'http://fake');
  const [, path] = new RegExp(`^/api/organizations/${ORG_ID}/?(.*)$`).exec(url.pathname) ?? [];
  const text = Buffer.concat(chunks).toString();
  const asked: Asked = {
    method: request.method ?? '',
    path: path ?? url.pathname,
    query: Object.fromEntries(url.searchParams),
    body: text === '' ? undefined : (JSON.parse(text) as unknown),
  };
  fake.asked.push(asked);
  response.on('close', () => {
    if (!response.writableFinished) fake.aborted.push(`${asked.method} ${asked.path}`);
  });
  const { status = 200, headers = {}, body } = (await fake.next.shift()?.(asked)) ?? reply(fake, request, asked, path);
  const json = body === undefined || typeof body === 'string' ? body : JSON.stringify(body);
  response.writeHead(status, { 'content-type': 'application/json', ...headers }).end(json);
}

function reply({ things }: FakeApi, { headers }: IncomingMessage, asked: Asked, path: string | undefined): Reply {
  const { method, query } = asked;
  if (headers['x-tallyfy-client'] !== 'APIClient') return { status: 401, body: { message: 'Client is missing.' } };
  if (headers.authorization !== `Bearer ${API_KEY}`) return { status: 401, body: { message: 'Unauthenticated.' } };
  if (path === undefined) return { status: 404, body: { message: 'Endpoint not found.' } };
  if (path === 'search') return { body: searched(things, query) };
  const there = things[path];
  if (method === 'GET') {
    if (Array.isArray(there)) return { body: listed(there, query) };
    return there === undefined ? { status: 404, body: { message: 'Not found.' } } : { body: { data: there } };
  }
  if (method === 'DELETE' && !path.includes('completed-tasks')) return { status: 204 };
  const body = asked.body as object | undefined;
  return {
    status: method === 'POST' ? 201 : 200,
    body: { data: { id: 'new-1', ...(Array.isArray(there) ? {} : (there as object)), ...body } },
  };
}

/** A page, as Tallyfy writes it: ten entries if nothing else is asked for. */
function listed(all: unknown[], { q, page = '1', per_page = '10' }: Record<string, string>): unknown {
  const found =
    q === undefined ? all : all.filter((thing) => JSON.stringify(thing).toLowerCase().includes(q.toLowerCase()));
  const [number, size] = [Number(page), Number(per_page)];
  const data = found.slice((number - 1) * size, number * size);
  const total_pages = Math.max(1, Math.ceil(found.length / size));
  const links = number < total_pages ? { next: `?page=${number + 1}` } : [];
  const pagination = {
    total: found.length,
    count: data.length,
    per_page: size,
    current_page: number,
    total_pages,
    links,
  };
  return { data, meta: { pagination } };
}

const SEARCHED: Record<string, string> = {
  task: 'tasks',
  process: 'runs',
  blueprint: 'checklists',
  snippet: 'snippets',
};

function searched(things: Record<string, unknown>, { on = '', search = '' }: Record<string, string>): unknown {
  return Object.fromEntries(
    on.split(',').map((type) => {
      const all = (things[SEARCHED[type] ?? ''] ?? []) as unknown[];
      return [
        type,
        { data: all.filter((thing) => JSON.stringify(thing).toLowerCase().includes(search.toLowerCase())) },
      ];
    }),
  );
}
