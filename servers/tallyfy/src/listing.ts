import type { Thing } from './api.ts';

/** A list within a thing: the API writes some as `[…]` and some as `{data: […]}`. */
export function listIn(value: unknown): Thing[] {
  const list = Array.isArray(value) ? value : ((value ?? {}) as { data?: unknown }).data;
  return Array.isArray(list) ? (list as Thing[]) : [];
}
