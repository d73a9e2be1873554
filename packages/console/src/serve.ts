import { readFileSync, readdirSync } from 'node:fs';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { extname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';
import { headers } from './headers.ts';

/** Where the built pages are: `chat.html`, `console.html`, and `assets/` with files whose names change with their content. */
export const pagesFolder: string = fileURLToPath(new URL('./pages', import.meta.url));

const TYPES: Readonly<Record<string, string>> = {
  '.css': 'text/css; charset=utf-8',
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.svg': 'image/svg+xml',
};

interface Served {
  readonly body: Buffer;
  readonly gzipped: Buffer;
  readonly headers: Readonly<Record<string, string>>;
}

let files: ReadonlyMap<string, Served> | undefined;

/** Every file by its path. Only what is in this map is ever served, so no path leads elsewhere. */
function readPages(): ReadonlyMap<string, Served> {
  const served = new Map<string, Served>();
  for (const entry of readdirSync(pagesFolder, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile()) continue;
    const path = join(entry.parentPath, entry.name);
    const name = path.slice(pagesFolder.length).replaceAll('\\', '/');
    const body = readFileSync(path);
    const hashed = name.startsWith('/assets/');
    served.set(name, {
      body,
      gzipped: gzipSync(body),
      headers: {
        ...headers,
        'content-type': TYPES[extname(name)] ?? 'application/octet-stream',
        'cache-control': hashed ? 'public, max-age=31536000, immutable' : 'no-cache',
        vary: 'accept-encoding',
      },
    });
  }
  return served;
}

/** @param nameOf the file that a path stands for, as `/chat.html`. */
function serve(
  request: IncomingMessage,
  response: ServerResponse,
  nameOf: (path: string) => string | undefined,
): boolean {
  if (request.method !== 'GET' && request.method !== 'HEAD') return false;
  files ??= readPages();
  const file = files.get(nameOf(request.url?.split('?', 1)[0] ?? '') ?? '');
  if (file === undefined) return false;
  const zipped = /\bgzip\b/.test(request.headers['accept-encoding']?.toString() ?? '');
  const body = zipped ? file.gzipped : file.body;
  response.writeHead(200, {
    ...file.headers,
    'content-length': body.length,
    ...(zipped && { 'content-encoding': 'gzip' }),
  });
  response.end(request.method === 'HEAD' ? undefined : body);
  return true;
}

const asset = (path: string): string | undefined => (path.startsWith('/assets/') ? path : undefined);

/**
 * Answers a request for the chat page (`/chat`) or one of its files (`/assets/…`), which are read once. False, and nothing done, if the
 * request is for something else.
 */
export function servePages(request: IncomingMessage, response: ServerResponse): boolean {
  return serve(request, response, (path) => (path === '/chat' ? '/chat.html' : asset(path)));
}

/**
 * Answers a request for the console or one of its files (`/console/assets/…`). The page is at `/console/`, and each of its views one level
 * below, as `/console/sessions`. False, and nothing done, if the request is for something else.
 */
export function serveConsole(request: IncomingMessage, response: ServerResponse): boolean {
  return serve(request, response, (path) => {
    if (/^\/console\/[a-z]*$/.test(path)) return '/console.html';
    return path.startsWith('/console/') ? asset(path.slice('/console'.length)) : undefined;
  });
}
