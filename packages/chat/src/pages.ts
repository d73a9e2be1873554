/** What a browser gets that asks for a page where the chat is. */
import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http';

/** Answers a request for a page or one of its files; `false`, with nothing done, when it is for something else. */
export type PageServer = (request: IncomingMessage, response: ServerResponse) => boolean;

/** @param path where the WebSocket is, and the page of `servePages` too. */
export function answerBrowsers(servePages: PageServer | undefined, path: string): RequestListener {
  return (request, response) => {
    if (servePages?.(request, response) === true) return;
    const asked = request.url?.split('?', 1)[0];
    if (servePages !== undefined && asked === '/') {
      response.writeHead(302, { location: path }).end();
      return;
    }
    const hint = `This is a chat over WebSocket, at ${path}. For a web page here, install mcp-switchboard-console.\n`;
    const isHere = servePages === undefined && (asked === '/' || asked === path);
    response.writeHead(isHere ? 200 : 404, { 'content-type': 'text/plain; charset=utf-8' });
    response.end(isHere ? hint : 'Not found\n');
  };
}
