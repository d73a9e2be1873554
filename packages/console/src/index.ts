export { headers } from './headers.ts';
export { pagesFolder, serveConsole, servePages } from './serve.ts';
