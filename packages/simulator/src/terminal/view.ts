/** The live view, as lines. */
import { showDuration, showNumber, showSize } from '../units.ts';
import type { Point } from '../result.ts';
import type { Progress } from '../watcher.ts';
import { KEYS } from './keys.ts';
import { bar, sparkline } from './paint.ts';
import type { Paint } from './paint.ts';

export interface Heading {
  target: string;
  server: string;
  /** Whether keys are listened to. */
  keys: boolean;
  /** What the last key did. */
  said: string;
}

const KEY_LINE = Object.entries(KEYS)
  .map(([key, act]) => `${key} ${act}`)
  .join('   ');
const SPARK = 40;
const LABEL = 11;
const VALUE = 18;
const MANY_CODES = 4;

export function viewOf(progress: Progress, heading: Heading, paint: Paint): string[] {
  const { phase, point, points, seconds, done, clients, inFlight, waiting, answers, errors, faults, codes, busy } =
    progress;
  const row = (label: string, value: string, rest = ''): string =>
    `  ${paint('dim', label.padEnd(LABEL))}${value.padEnd(VALUE)}${rest && paint('cyan', rest)}`;
  const spark = (value: (point: Point) => number | undefined): string => sparkline(points.map(value), SPARK);
  const latency = (ms: number | undefined): string => (ms === undefined ? '–' : showDuration(ms));
  const time = `${seconds.toFixed(0)} s`;
  const way = done === undefined ? time : `${bar(done, SPARK)}  ${Math.floor(done * 100)} %, ${time}`;
  const list = Object.entries(codes).toSorted(([, a], [, b]) => b - a);
  const shownCodes = list.slice(0, MANY_CODES).map(([code, count]) => `${code} ×${showNumber(count)}`);
  const more = list.length > MANY_CODES ? ', …' : '';
  const verdict =
    faults === 0
      ? paint('green', 'every message in its place')
      : paint('red', 'messages astray: the summary tells which');
  return [
    '',
    `  ${paint('bold', heading.target)}  ${paint('dim', heading.server)}`,
    `  ${phase === 'running' ? way : `${phase} …`}`,
    '',
    row('clients', `${showNumber(point.open)} of ${showNumber(clients)}`, ''),
    row(
      'calls',
      `${showNumber(inFlight)} in flight`,
      waiting > 0 ? `${showNumber(waiting)} late: the server does not keep up` : '',
    ),
    row('answers', showNumber(answers)),
    row(
      'rate',
      point.paused ? 'paused' : `${showNumber(point.rate)} /s`,
      spark(({ rate, paused }) => (paused ? undefined : rate)),
    ),
    row(
      'p50',
      latency(point.p50),
      spark(({ p50 }) => p50),
    ),
    row(
      'p95',
      latency(point.p95),
      spark(({ p95 }) => p95),
    ),
    row(
      'p99',
      latency(point.p99),
      spark(({ p99 }) => p99),
    ),
    ...(point.rss === undefined
      ? []
      : [
          row(
            'memory',
            showSize(point.rss),
            spark(({ rss = 0 }) => rss),
          ),
          row('processes', showNumber(point.processes ?? 0)),
        ]),
    row('errors', showNumber(errors), '').trimEnd() +
      (errors > 0 ? `  ${paint('yellow', shownCodes.join(', ') + more)}` : ''),
    `  ${paint('dim', 'astray'.padEnd(LABEL))}${String(faults).padEnd(VALUE)}${verdict}`,
    ...(busy > 0.9 ? [`  ${paint('yellow', 'the simulator itself is busy: it may be what is measured')}`] : []),
    '',
    ...(heading.keys ? [`  ${paint('dim', KEY_LINE)}`] : []),
    ...(heading.said === '' ? [] : [`  ${heading.said}`]),
  ];
}

/** The same as one line, for a pipe. */
export function lineOf({ phase, point, seconds, clients, errors, faults }: Progress): string {
  if (phase !== 'running') return `${phase}: ${point.open} of ${clients} clients`;
  const { p50, p95, p99 } = point;
  const answered = p50 !== undefined && p95 !== undefined && p99 !== undefined;
  const latency = answered
    ? `p50 ${showDuration(p50)}, p95 ${showDuration(p95)}, p99 ${showDuration(p99)}`
    : 'no answers';
  const rate = point.paused ? 'paused' : `${showNumber(point.rate)} /s`;
  return `${seconds.toFixed(0)} s: ${point.open} of ${clients} clients, ${rate}, ${latency}, ${errors} errors, ${faults} astray`;
}
