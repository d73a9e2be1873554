/** The simulator as a library: the same runs from a program. */
export type { Controls, Progress, Watcher } from './watcher.ts';
export type { Target } from './crew.ts';
export { ERRORS, EXIT, SimulatorError } from './errors.ts';
export type { Settings } from './options.ts';
export { readSettings } from './options.ts';
export type { Latency, Point, Result } from './result.ts';
export { run } from './run.ts';
export { main } from './main.ts';
