export { Luno } from './luno.ts';
export type { LunoOptions } from './luno.ts';
export type { Credentials } from './http.ts';
export { createLunoServer } from './server.ts';
export type { LunoServerOptions } from './server.ts';
export { Subscriptions } from 'mcp-switchboard-demo/subscriptions';
