/** The simulator as a library: the same runs from a program. */
export type { Controls, Progress, Watcher } from './watcher.ts';
export type { Chaos, Storm } from './chaos.ts';
export type { Speaker } from './client/client.ts';
export type { Tls } from './client/tls.ts';
export type { Era, Target } from './client-group.ts';
export { ERRORS, EXIT, SimulatorError } from './errors.ts';
export type { ErrorName } from './errors.ts';
export type { Leftover } from './process-tree.ts';
export type { Threshold } from './thresholds.ts';
export type { Fault, Integrity, Sighting } from './integrity.ts';
export type { Settings } from './options.ts';
export { readSettings } from './options.ts';
export type { Latency, Point, Result, Verdict } from './result.ts';
export { run } from './run.ts';
export { main } from './main.ts';
