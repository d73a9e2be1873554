import { once } from 'node:events';
import { readFileSync, readdirSync } from 'node:fs';
import { createServer, request, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import { gunzipSync, gzipSync } from 'node:zlib';
import { headers, pagesFolder, serveConsole, servePages } from 'mcp-switchboard-console';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

const server = createServer((incoming, response) => {
  if (!servePages(incoming, response) && !serveConsole(incoming, response)) response.writeHead(404).end('not a page');
});
beforeAll(async () => {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
});
afterAll(() => void server.close());

interface Answer {
  readonly status: number;
  readonly headers: IncomingMessage['headers'];
  readonly body: Buffer;
}

/** `fetch` would tidy a path up before it is sent. */
async function ask(path: string, { method = 'GET', gzip = false } = {}): Promise<Answer> {
  const { port } = server.address() as AddressInfo;
  const outgoing = request({
    port,
    host: '127.0.0.1',
    path,
    method,
    headers: gzip ? { 'accept-encoding': 'gzip' } : {},
  });
  outgoing.end();
  const [response] = (await once(outgoing, 'response')) as [IncomingMessage];
  const chunks: Buffer[] = [];
  for await (const chunk of response) chunks.push(chunk as Buffer);
  return { status: response.statusCode!, headers: response.headers, body: Buffer.concat(chunks) };
}

/** The addresses of the files of a page, as they stand in it. */
const filesOf = (name: string): string[] =>
  [...readFileSync(`${pagesFolder}/${name}.html`, 'utf8').matchAll(/(?:src|href)="([^"]+)"/g)].map(
    ([, address]) => address!,
  );
const assets = readdirSync(`${pagesFolder}/assets`);
const asset = (ending: string): string => assets.find((name) => name.endsWith(ending))!;

describe('the pages', () => {
  it('are served with what browsers must be told of them', async () => {
    const page = await ask('/chat?room=planning');
    expect(page.status).toBe(200);
    expect(page.headers).toMatchObject(headers);
    expect(page.headers['content-type']).toBe('text/html; charset=utf-8');
    expect(page.headers['cache-control']).toBe('no-cache');
    expect(String(page.body)).toContain('<title>Chat</title>');
  });

  it('allow nothing that is not theirs', () => {
    const policy = headers['content-security-policy']!;
    expect(policy).toContain("default-src 'none'");
    expect(policy).not.toMatch(/unsafe|https?:|\*/);
  });

  it.each(['chat', 'console'])('%s names its files relative to itself, and has no inline script or style', (name) => {
    const html = readFileSync(`${pagesFolder}/${name}.html`, 'utf8');
    expect(filesOf(name).length).toBeGreaterThan(2);
    for (const address of filesOf(name)) expect(address).toMatch(/^\.\/assets\//);
    expect(html).not.toMatch(/<script(?![^>]*src)|<style|style=|\son\w+=/);
  });

  it('of the console are below each of its views, and nowhere else', async () => {
    for (const path of ['/console/', '/console/sessions']) {
      const { status, body } = await ask(path);
      expect([path, status, String(body).includes('<title>Console</title>')]).toEqual([path, 200, true]);
    }
    const [file = ''] = filesOf('console');
    expect((await ask(new URL(file, 'http://x/console/sessions').pathname)).status).toBe(200);
    for (const path of ['/console', '/console.html', '/console/sessions/x', '/console/../chat', '/console/assets/']) {
      expect([path, (await ask(path)).status]).toEqual([path, 404]);
    }
  });

  it('have files that a browser keeps, because their names change with them', async () => {
    const file = await ask(`/assets/${asset('.js')}`);
    expect(file.headers['cache-control']).toBe('public, max-age=31536000, immutable');
    expect(file.headers['content-type']).toBe('text/javascript; charset=utf-8');
    expect((await ask(`/assets/${asset('.css')}`)).headers['content-type']).toBe('text/css; charset=utf-8');
  });

  it('are sent compressed to whoever can read that', async () => {
    const path = `/assets/${asset('.js')}`;
    const [plain, zipped] = [await ask(path), await ask(path, { gzip: true })];
    expect(zipped.headers['content-encoding']).toBe('gzip');
    expect(gunzipSync(zipped.body).equals(plain.body)).toBe(true);
    expect(plain.headers.vary).toBe('accept-encoding');
  });

  it('answer HEAD without a body, and leave other methods to others', async () => {
    const head = await ask('/chat', { method: 'HEAD' });
    expect(head.status).toBe(200);
    expect(head.body).toHaveLength(0);
    expect(Number(head.headers['content-length'])).toBeGreaterThan(100);
    expect((await ask('/chat', { method: 'POST' })).status).toBe(404);
  });

  it.each([
    '/',
    '/assets/',
    '/assets/../chat.html',
    '/../package.json',
    '/..%2f..%2fpackage.json',
    '/assets/%2e%2e/chat',
    '/__proto__',
  ])('leave %s to others', async (path) => {
    expect((await ask(path)).status).toBe(404);
  });

  // README.md tells the sizes; they must be told again when they grow.
  it.each([
    ['chat', 88_000],
    ['console', 82_000],
  ])('of %s weigh at most %d bytes compressed, all together', (name, most) => {
    const files = [`${name}.html`, ...filesOf(name)];
    const bytes = files.reduce((sum, file) => sum + gzipSync(readFileSync(`${pagesFolder}/${file}`)).length, 0);
    expect(bytes).toBeLessThan(most);
    expect(bytes, 'they are there').toBeGreaterThan(10_000);
  });
});
