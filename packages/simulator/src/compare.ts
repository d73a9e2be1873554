/** Two results side by side. */
import { readFileSync } from 'node:fs';

import { SimulatorError } from './errors.ts';
import type { Integrity } from './integrity.ts';
import type { Result } from './result.ts';
import type { Paint } from './terminal/paint.ts';
import { MEASURES } from './thresholds.ts';

/** Of these, more is better. */
const GOOD = new Set(['rate', 'answers']);
/** Smaller changes are noise. */
const NOISE = 0.05;

/** @throws {SimulatorError} `SIM_FILE` naming the file that is no result */
export function compare(before: string, after: string, paint: Paint): { results: [Result, Result]; text: string } {
  const results: [Result, Result] = [readResult(before), readResult(after)];
  const [old, now] = results;
  const lines = Object.entries(MEASURES).flatMap(([name, { of, show }]) => {
    const [from, to] = [of(old), of(now)];
    if (from === undefined || to === undefined) return [];
    const change =
      from === to
        ? ''
        : from === 0
          ? 'new'
          : `${to > from ? '+' : '−'}${Math.abs(Math.round((to / from - 1) * 100))} %`;
    const large = from === 0 ? to > 0 : Math.abs(to / from - 1) > NOISE;
    const better = to > from === GOOD.has(name);
    const shown = large ? paint(better ? 'green' : 'red', change) : paint('dim', change);
    return [`  ${name.padEnd(12)}${show(from).padStart(12)}${show(to).padStart(12)}   ${shown}`.trimEnd()];
  });
  const head = `  ${''.padEnd(12)}${'before'.padStart(12)}${'after'.padStart(12)}`;
  const differing = Object.keys({ ...old.options, ...now.options }).filter(
    (name) => old.options[name] !== now.options[name],
  );
  const note = [
    ...(old.target === now.target ? [] : [`  before: ${old.target}, after: ${now.target}`]),
    ...differing.map(
      (name) => `  ${name}: ${old.options[name] ?? 'none'} before, ${now.options[name] ?? 'none'} after`,
    ),
  ];
  return { results, text: [paint('bold', head), ...lines, ...(note.length > 0 ? ['', ...note] : []), ''].join('\n') };
}

function readResult(path: string): Result {
  let result: unknown;
  try {
    result = JSON.parse(readFileSync(path, 'utf8'));
  } catch (cause) {
    throw new SimulatorError('SIM_FILE', `${path}: ${(cause as Error).message}`, cause);
  }
  const { format } = (result ?? {}) as { format?: unknown };
  if (format === 2) return result as Result;
  if (format !== 1) throw new SimulatorError('SIM_FILE', `${path} is not a result that --output wrote`);
  const { truth, ...rest } = result as Omit<Result, 'integrity'> & { truth: Integrity };
  return { ...rest, format: 2, integrity: truth };
}
