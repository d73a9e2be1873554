import { z } from 'zod';

/** What a check found. */
export interface Finding {
  check: string;
  state: 'ok' | 'warning' | 'error';
  detail: string;
}

export const findingSchema: z.ZodType<Finding> = z.object({
  check: z.string(),
  state: z.enum(['ok', 'warning', 'error']),
  detail: z.string(),
});

/** The worst of what was found. */
export function worst(findings: readonly Finding[]): Finding['state'] {
  if (findings.some(({ state }) => state === 'error')) return 'error';
  return findings.some(({ state }) => state === 'warning') ? 'warning' : 'ok';
}

/** How many there are of each. */
export function counted(findings: readonly Finding[]): { ok: number; warnings: number; errors: number } {
  const count = (wanted: Finding['state']): number => findings.filter(({ state }) => state === wanted).length;
  return { ok: count('ok'), warnings: count('warning'), errors: count('error') };
}
