/** Leases for what is written for a long time. */
import type { KeepOptions, Lease } from './store.ts';

/**
 * The lease under which something is written for as long as it lives. It follows its owner, who may get it again under another epoch; once the
 * owner has become another one, because it was fenced, it stays the old lease, and what is written is refused.
 *
 * @param current the lease of this process now; nothing where none is needed.
 */
export function followedLease(current: () => Lease | undefined): () => Lease | undefined {
  const first = current();
  return () => {
    const now = current();
    return first === undefined || now?.name === first.name ? now : first;
  };
}

/** How a log is kept under such a lease. */
export function keepOptions(ttlMs: number, current: () => Lease | undefined): KeepOptions {
  if (current() === undefined) return { ttlMs };
  const lease = followedLease(current);
  return {
    ttlMs,
    get under() {
      return lease()!;
    },
  };
}
