export type { Credentials } from './api.ts';
export { createTallyfyServer } from './server.ts';
export type { TallyfyServerOptions } from './server.ts';
