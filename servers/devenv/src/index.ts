export { Environment } from './environment.ts';
export type { EnvironmentOptions } from './environment.ts';
export { DevenvError } from './errors.ts';
export type { ErrorCode } from './errors.ts';
export { createDevenvServer } from './server.ts';
