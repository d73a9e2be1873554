import type { JSX } from 'preact';
import type { RequestTimes } from './facts.ts';
import { duration } from './words.ts';

/** A part of the way of a request, in ms after it came. */
export interface Stage {
  readonly where: 'Switchboard' | 'Server';
  readonly what: string;
  readonly from: number;
  readonly to: number;
}

export interface Way {
  readonly times: RequestTimes;
  /** How long it took, or has taken so far. */
  readonly ms: number;
  readonly isRunning: boolean;
  /** Whether it ended without an answer of its server. @default false */
  readonly isCancelled?: boolean;
  /** Whether it is for all servers as one. */
  readonly isForAll: boolean;
}

const WAITS = [
  ['turn', 'waited for its turn'],
  ['server', 'waited for the server to be ready'],
  ['sent', 'handed it to the server'],
] as const;

/** The parts of its way, in their order: the last of one that has not been answered is the one that it was in at the end. */
export function stagesOf({ times, ms, isRunning, isCancelled = false, isForAll }: Way): readonly Stage[] {
  const { turn, sent, progress, held } = times;
  const answered = isCancelled ? undefined : times.answered;
  const stages: Stage[] = [];
  let from = 0;
  const until = (where: Stage['where'], what: string, to: number): void => {
    stages.push({ where, what, from, to: Math.max(from, to) });
    from = Math.max(from, to);
  };
  const end = times.answered ?? ms;
  if (isForAll && turn === undefined) until('Server', 'several at once, until all had answered', end);
  else {
    for (const [moment, what] of WAITS) {
      const isOwn = moment === 'sent' && sent === undefined && answered !== undefined;
      until('Switchboard', isOwn ? 'answered it itself, without the server' : what, times[moment] ?? end);
      if (times[moment] === undefined) break;
    }
    if (sent !== undefined && progress !== undefined) until('Server', 'worked until its first progress', progress);
    const after = progress === undefined ? 'worked' : 'worked on';
    const ending = isCancelled ? 'until the call was cancelled' : answered === undefined ? '' : 'until its answer';
    if (sent !== undefined) until('Server', `${after} ${ending}`.trim(), end);
  }
  if (held !== undefined) until('Switchboard', 'kept the answer behind its progress', from + held);
  else if (answered !== undefined && !isRunning) until('Switchboard', 'gave the answer to the client', ms);
  return stages;
}

/** Where the time of a request went: a table with its figures, and bars for those who see. */
export function Waterfall(way: Way): JSX.Element {
  const { times, ms, isRunning } = way;
  const stages = stagesOf(way);
  const total = Math.max(ms, stages.at(-1)?.to ?? 0, 0.001);
  return (
    <section class="waterfall">
      <h3 id="waterfall">Where its time {isRunning ? 'goes' : 'went'}</h3>
      <table class="plain" aria-labelledby="waterfall">
        <thead>
          <tr>
            <th>Part</th>
            <th class="right">After</th>
            <th class="right">Took</th>
          </tr>
        </thead>
        <tbody>
          {stages.map(({ where, what, from, to }) => (
            <tr key={what}>
              <td>
                <strong>{where}</strong> {what}
                <div class="stage" aria-hidden="true">
                  <i
                    class={where === 'Server' ? 'second' : ''}
                    style={{ left: `${(from / total) * 100}%`, width: `${((to - from) / total) * 100}%` }}
                  />
                </div>
              </td>
              <td class="right">{duration(from)}</td>
              <td class="right">{duration(to - from)}</td>
            </tr>
          ))}
        </tbody>
      </table>
      {times.asked !== undefined && (
        <p class="hint">Meanwhile the server waited {duration(times.asked)} for answers of the client.</p>
      )}
    </section>
  );
}
