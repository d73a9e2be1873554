export { createDemoServer } from './server.ts';
export type { DemoServerOptions } from './server.ts';
export { Subscriptions } from './subscriptions.ts';
