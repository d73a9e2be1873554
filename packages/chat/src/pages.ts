/** Serves the folder of a web page, where there is one. */
import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { extname, join, normalize, sep } from 'node:path';
import { pipeline } from 'node:stream';

export interface PageOptions {
  folder: string | undefined;
  /** Where the WebSocket is. */
  path: string;
}

const TYPES: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.json': 'application/json',
  '.svg': 'image/svg+xml',
  '.png': 'image/png',
  '.ico': 'image/x-icon',
  '.woff2': 'font/woff2',
  '.webmanifest': 'application/manifest+json',
};

/** What tools and models say is shown there: no script but the page's own may run, and nothing may be sent elsewhere. */
const HEADERS = {
  'content-security-policy':
    "default-src 'self'; img-src 'self' data:; style-src 'self' 'unsafe-inline'; connect-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'",
  'x-content-type-options': 'nosniff',
  'referrer-policy': 'no-referrer',
} as const;

export function servePages(options: PageOptions): (request: IncomingMessage, response: ServerResponse) => void {
  return (request, response) => {
    serve(request, response, options).catch(() => answer(response, 500, 'Internal error\n'));
  };
}

async function serve(
  { method, url = '/' }: IncomingMessage,
  response: ServerResponse,
  { folder, path }: PageOptions,
): Promise<void> {
  if (method !== 'GET' && method !== 'HEAD') return answer(response, 405, 'Only GET is answered here.\n');
  const name = decoded(url.split(/[?#]/, 1)[0]!);
  if (folder === undefined) {
    const hint = `This is a chat over WebSocket, at ${path}. For a web page here, install mcp-switchboard-console.\n`;
    return answer(response, name === '/' || name === path ? 200 : 404, hint);
  }
  const wanted = name === '/' || name === path ? 'index.html' : name;
  const file = normalize(join(folder, wanted));
  const isInside = file.startsWith(normalize(folder + sep)) && !wanted.includes('\0');
  const found = isInside ? await stat(file).catch(() => undefined) : undefined;
  if (found?.isFile() !== true) return answer(response, 404, 'Not found\n');
  response.writeHead(200, {
    ...HEADERS,
    'content-type': TYPES[extname(file)] ?? 'application/octet-stream',
    'content-length': found.size,
  });
  if (method === 'HEAD') {
    response.end();
    return;
  }
  // Whoever hangs up in the middle has ended it.
  pipeline(createReadStream(file), response, () => {});
}

function decoded(path: string): string {
  try {
    return decodeURIComponent(path);
  } catch {
    return '/\0';
  }
}

function answer(response: ServerResponse, status: number, text: string): void {
  if (response.headersSent) {
    response.destroy();
    return;
  }
  response.writeHead(status, { ...HEADERS, 'content-type': 'text/plain; charset=utf-8' });
  response.end(text);
}
