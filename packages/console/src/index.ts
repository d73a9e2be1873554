export { headers } from './headers.ts';
export { pagesFolder, servePages } from './serve.ts';
