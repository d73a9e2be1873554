/** What happens when the client of a session over HTTP has no connection open for a while. */
import { owned } from '../util/owned.ts';
import type { HttpLimits } from './http-visit.ts';

export interface AbsenceOptions {
  /** Whether no connection is open. */
  isAbsent(): boolean;
  /** It has been away for `absentGrace`: nobody waits for its calls. */
  giveUp(reason: string): void;
  /** It has been away for `absentTimeout`. */
  rest(reason: string): void;
  onFault(error: unknown): void;
}

/** A timer for longer would ring at once. */
const LONGEST_TIMER_MS = 2 ** 31 - 1;

/** Timers that run from now on; refresh them whenever the last connection is gone. */
export function absenceTimers(
  { absentGraceMs, absentTimeoutMs }: Pick<HttpLimits, 'absentGraceMs' | 'absentTimeoutMs'>,
  { isAbsent, giveUp, rest, onFault }: AbsenceOptions,
): NodeJS.Timeout[] {
  const after = (ms: number, option: string, run: (reason: string) => void): NodeJS.Timeout[] => {
    if (ms === Infinity) return [];
    const reason = `no connection of its client was open for ${ms} ms (${option})`;
    const ring = (): void => {
      if (isAbsent()) owned(() => run(reason), onFault);
    };
    return [setTimeout(ring, Math.min(ms, LONGEST_TIMER_MS)).unref()];
  };
  return [...after(absentGraceMs, 'absentGrace', giveUp), ...after(absentTimeoutMs, 'absentTimeout', rest)];
}
