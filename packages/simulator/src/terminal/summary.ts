/** What a run found, as a table for people. */
import { adviceFor } from '../advice.ts';
import { FAULT_NAMES } from '../integrity.ts';
import type { Latency, Result } from '../result.ts';
import { showDuration, showNumber, showShare, showSize } from '../units.ts';
import type { Paint } from './paint.ts';
import { clean } from './screen.ts';

const LABEL = 12;

export function summaryOf(result: Result, paint: Paint): string {
  const { integrity, processes, self, verdicts, steps } = result;
  const row = (label: string, ...cells: string[]): string =>
    `  ${paint('dim', label.padEnd(LABEL))}${cells.filter((cell) => cell !== '').join(', ')}`;
  const under = (text: string): string => `  ${' '.repeat(LABEL)}${clean(text)}`;
  const count = (name: string, value: number): string => (value > 0 ? `${showNumber(value)} ${name}` : '');
  const faults = FAULT_NAMES.map((name) => {
    const text = `${showNumber(integrity[name])} ${name}`;
    return integrity[name] > 0 ? paint('red', text) : text;
  });
  const proof =
    integrity.proven + integrity.unproven === 0
      ? 'no call carried a correlation id, so an answer for somebody else could not be seen'
      : `${showNumber(integrity.proven)} answers carried the correlation id of their call${integrity.unproven > 0 ? `, ${showNumber(integrity.unproven)} carried none` : ''}`;
  const errors = Object.entries(result.errors).toSorted(([, a], [, b]) => b - a);
  const lines = [
    `${paint('bold', `${several(result.clients, 'client', 'clients')}, ${showNumber(result.seconds)} s, ${result.target}`)}  ${paint('dim', clean(result.server))}`,
    '',
    row('answers', showNumber(result.answers), `${showNumber(result.rate)} /s`),
    row('latency', result.answers === 0 ? 'nothing was answered' : latencyText(result.latency)),
    ...(result.paused === undefined ? [] : [row('paused', `${showNumber(result.paused)} s, left out of the rate`)]),
    ...(steps.length < 2
      ? []
      : steps.map(({ name, answers, errors: failed, latency }) =>
          under(
            `${name}: ${showNumber(answers)}${failed > 0 ? ` and ${showNumber(failed)} errors` : ''}, p50 ${showDuration(latency.p50)}, p99 ${showDuration(latency.p99)}`,
          ),
        )),
    row('connecting', latencyText(result.opening), count('reconnected', result.reconnects)),
    row('messages', ...faults),
    under(proof),
    ...integrity.examples.map(({ what, at }) => paint('red', under(`after ${showDuration(at)}: ${what}`))),
    row(
      'errors',
      showNumber(result.errorCount),
      ...errors.map(([code, times]) => `${clean(code)} ×${showNumber(times)}`),
    ),
    ...adviceFor(result.errors).map((text) => paint('yellow', under(text))),
    ...asides(result, row, count),
    ...(processes === undefined
      ? []
      : [
          row(
            'server',
            `memory ${showSize(processes.startRss)} to ${showSize(processes.endRss)}, at most ${showSize(processes.peakRss)}`,
          ),
          under(
            `${showNumber(processes.cpuPerAnswer)} µs CPU an answer, at most ${processes.peakProcesses} processes` +
              (processes.peakDescriptors === undefined ? '' : ` and ${processes.peakDescriptors} descriptors`),
          ),
          row(
            'left behind',
            processes.leftovers.length === 0
              ? 'no process'
              : paint('red', several(processes.leftovers.length, 'process', 'processes')),
          ),
          ...processes.leftovers
            .slice(0, 10)
            .map(({ pid, name, orphan }) =>
              paint('red', under(`${pid} ${name}, ${orphan ? 'its parent is gone' : 'still a child of the server'}`)),
            ),
        ]),
    row('simulator', `${showShare(self.cpu)} of a core`, `its busiest thread busy ${showShare(self.busy)} of the time`),
    ...(self.bottleneck ? [paint('yellow', under('it may be what was measured: give it --threads, or a --rate'))] : []),
    '',
    ...verdicts.map(({ text, kept }) => `  ${kept ? paint('green', '✓') : paint('red', '✗')} ${text}`),
  ];
  return `${lines.join('\n')}\n`;
}

const several = (count: number, one: string, more: string): string =>
  `${showNumber(count)} ${count === 1 ? one : more}`;

const latencyText = ({ p50, p95, p99, p999, max }: Latency): string =>
  `p50 ${showDuration(p50)}, p95 ${showDuration(p95)}, p99 ${showDuration(p99)}, p99.9 ${showDuration(p999)}, most ${showDuration(max)}`;

/** What is only worth a line when there was any. */
function asides(
  result: Result,
  row: (label: string, ...cells: string[]) => string,
  count: (name: string, value: number) => string,
): string[] {
  const storms = Object.entries(result.storms).map(([name, times]) => `${name} ×${showNumber(times)}`);
  const calls = [
    count('cut off on purpose', result.cut),
    count('cancelled', result.cancelled),
    count('answered too late', result.integrity.late),
    count('never begun, as there was no room to wait', result.unsent),
  ].filter((text) => text !== '');
  const server = [count('notes', result.notes), count('questions', result.questions)].filter((text) => text !== '');
  return [
    ...(storms.length > 0 ? [row('storms', ...storms)] : []),
    ...(calls.length > 0 ? [row('calls', ...calls)] : []),
    ...(server.length > 0 ? [row('from server', ...server)] : []),
  ];
}
