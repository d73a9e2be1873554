export interface BackoffOptions {
  /** The first wait. @default 100 */
  firstMs?: number;
  /** The longest wait. @default 30000 */
  maxMs?: number;
  /** A random number in [0, 1). @default Math.random */
  random?: () => number;
}

/**
 * How long to wait before the next try: doubling from `firstMs` to `maxMs`, each wait drawn from its upper half, so that many who
 * failed together do not come back together.
 *
 * @param failures how many tries have failed in a row; 0 means no wait.
 */
export function backoffMs(failures: number, options: BackoffOptions = {}): number {
  const { firstMs = 100, maxMs = 30_000, random = Math.random } = options;
  if (failures <= 0) return 0;
  const ceiling = Math.min(maxMs, firstMs * 2 ** Math.min(failures - 1, 30));
  return Math.round(ceiling / 2 + (random() * ceiling) / 2);
}
