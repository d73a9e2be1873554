/** What nodes compare of how they configure upstreams. */
import { isObject } from '../protocol/jsonrpc.ts';
import type { UpstreamOptions } from './upstream-options.ts';

/**
 * The configuration as text, the same in whatever order its keys are written. Of a server in this process it has the source of the function
 * that builds it; what that function has from outside itself cannot be compared. It holds the secrets of the configuration.
 */
export const describeUpstreams = (configured: UpstreamOptions | Readonly<Record<string, UpstreamOptions>>): string =>
  JSON.stringify(configured, (_key, value: unknown) => {
    if (typeof value === 'function') return `function ${String(value)}`;
    if (!isObject(value)) return value;
    return Object.fromEntries(Object.entries(value).toSorted(([one], [other]) => (one < other ? -1 : 1)));
  });
