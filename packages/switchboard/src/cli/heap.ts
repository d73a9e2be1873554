/** How this process collects garbage. */
import { setFlagsFromString } from 'node:v8';

/**
 * How much the heap may grow until all of it is collected again, in percent of what was left of it the last time.
 *
 * V8 counts buffers outside of its heap as if they were in it, and what a gateway holds is small: left to itself it collects all of its 17 MB
 * for every few megabytes of messages that pass (docs/decisions/0014-garbage.md).
 */
const GROWTH_PERCENT = 200;

/** For processes that pass messages on. V8 looks at it whenever it has collected. */
export function letHeapGrow(): void {
  setFlagsFromString(`--heap-growing-percent=${GROWTH_PERCENT}`);
}
