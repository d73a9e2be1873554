/** What nodes compare of how they configure upstreams. */
import type { UpstreamOptions } from './upstream-options.ts';

/**
 * The configuration as text. Of a server in this process it has the source of the function that builds it; what that function has from outside
 * itself cannot be compared.
 */
export const describeUpstreams = (configured: UpstreamOptions | Readonly<Record<string, UpstreamOptions>>): string =>
  JSON.stringify(configured, (_key, value: unknown) =>
    typeof value === 'function' ? `function ${String(value)}` : value,
  );
