import type { JSX } from 'preact';
import type { Point } from 'mcp-switchboard-simulator';
import { niceBytes, niceCeiling } from './chart-scale.ts';
import { Chart } from './chart.tsx';
import type { Change, Found, Run, RunDetail } from './facts.ts';
import { axisOf, changeOf, errorRates, MEASURES } from './simulation.ts';
import { count, duration, rate, size } from './words.ts';

/** What goes astray, in words. */
const FAULTS = {
  crossed: 'reached a client, or was given to a call, that it does not belong to',
  lost: 'an answer that reached nobody in time',
  doubled: 'an answer or a progress note that came again',
  disordered: 'a progress note that went backwards, or came after the answer',
} as const;
const FAULT_NAMES = Object.keys(FAULTS) as (keyof typeof FAULTS)[];

/** How a run stands. */
export function RunFigures({ run }: { readonly run: Run }): JSX.Element {
  const facts: Readonly<Record<string, string>> = {
    'Answers a second': rate(run.rate),
    p50: run.p50 === undefined ? '–' : duration(run.p50),
    p99: run.p99 === undefined ? '–' : duration(run.p99),
    Errors: count(run.errors),
    'Misrouted or lost messages': count(run.faults),
  };
  return (
    <dl class="figures tiles">
      {Object.entries(facts).map(([name, value]) => (
        <div key={name}>
          <dt>{name}</dt>
          <dd
            class={
              (name === 'Errors' || name === 'Misrouted or lost messages') && value !== '0' ? 'wrong-figure' : undefined
            }
          >
            {value}
          </dd>
        </div>
      ))}
    </dl>
  );
}

interface RunChartsProps {
  readonly run: Run;
  readonly points: readonly Point[];
  readonly changes: readonly Change[];
  /** Of another run, whose charts have the same scale. */
  readonly beside?: readonly Point[];
}

const most = (values: readonly (number | null | undefined)[]): number =>
  Math.max(0, ...values.map((value) => value ?? 0));

export function RunCharts({ run, points, changes, beside = [] }: RunChartsProps): JSX.Element {
  const axis = axisOf(run, points);
  const all = [...points, ...beside];
  const of = (pick: (point: Point) => number | undefined): (number | null)[] =>
    points.map((point) => pick(point) ?? null);
  const scale = (values: readonly (number | null | undefined)[]): (() => number) => {
    const top = niceCeiling(most(values));
    return () => top;
  };
  const memory = points.some(({ rss }) => rss !== undefined);
  const topMemory = niceBytes(most(all.map(({ rss }) => rss)));
  return (
    <div class="charts">
      <Chart
        title="Answers a second"
        group={run.id}
        {...axis}
        changes={changes}
        format={rate}
        ceiling={scale(all.map((point) => point.rate))}
        series={[
          {
            label: 'Answers',
            tone: 'accent',
            values: of((point) => (point.paused === true ? undefined : point.rate)),
            area: true,
          },
        ]}
      />
      <Chart
        title="How long calls take"
        group={run.id}
        {...axis}
        changes={changes}
        format={duration}
        ceiling={scale(all.flatMap(({ p50, p99 }) => [p50, p99]))}
        series={[
          { label: 'p50', tone: 'accent', values: of(({ p50 }) => p50) },
          { label: 'p99', tone: 'second', values: of(({ p99 }) => p99) },
        ]}
      />
      <Chart
        title="Errors a second"
        group={run.id}
        {...axis}
        changes={changes}
        format={rate}
        ceiling={scale([...errorRates(points), ...errorRates(beside)])}
        series={[{ label: 'Errors', tone: 'bad', values: errorRates(points), area: true }]}
      />
      {memory ? (
        <Chart
          title="Memory of Switchboard and its servers"
          group={run.id}
          {...axis}
          changes={changes}
          format={size}
          ceiling={() => topMemory}
          series={[{ label: 'Resident', tone: 'accent', values: of(({ rss }) => rss), area: true }]}
        />
      ) : (
        <Chart
          title="Connected clients"
          group={run.id}
          {...axis}
          changes={changes}
          format={count}
          ceiling={scale(all.map(({ open }) => open))}
          series={[{ label: 'Clients', tone: 'accent', values: of(({ open }) => open), area: true }]}
        />
      )}
    </div>
  );
}

/** Errors by their names, the most frequent first. What a server calls them is text. */
export function RunErrors({
  codes,
  total,
  isOver,
}: {
  readonly codes: Readonly<Record<string, number>>;
  readonly total: number;
  readonly isOver: boolean;
}): JSX.Element | null {
  const entries = Object.entries(codes).sort(([, one], [, other]) => other - one);
  if (entries.length === 0) return isOver ? null : <p class="hint">No errors so far.</p>;
  return (
    <section class="panel" aria-label="Errors by name">
      <h2>Errors by name</h2>
      <ul class="error-names">
        {entries.map(([name, times]) => (
          <li key={name}>
            <span class="error-name">{name}</span>
            <meter max={Math.max(total, times)} value={times} aria-label={`${name}, ${times} times`} />
            <span class="right">{count(times)}</span>
          </li>
        ))}
      </ul>
    </section>
  );
}

/** What a run found overall: figures, messages that went astray, and what it left behind. */
export function RunFindings({ found }: { readonly found: Found }): JSX.Element {
  return (
    <div class="panels">
      <Figures after={found} />
      <Integrity found={found} />
    </div>
  );
}

function Figures({ before, after }: { readonly before?: Found; readonly after: Found }): JSX.Element {
  const rows = MEASURES.filter(({ of }) => of(after) !== undefined);
  const shown = (value: number | undefined, show: (value: number) => string): string =>
    value === undefined ? '–' : show(value);
  return (
    <section class="panel">
      <h2>Overall</h2>
      <div class="scrolls" tabIndex={0} role="region" aria-label="Figures">
        <table class="plain">
          <thead>
            <tr>
              <th>Measure</th>
              {before !== undefined && <th class="right">Earlier</th>}
              <th class="right">{before === undefined ? 'Value' : 'This'}</th>
              {before !== undefined && <th class="right">Change</th>}
            </tr>
          </thead>
          <tbody>
            {rows.map((measure) => {
              const change = before === undefined ? undefined : changeOf(measure, before, after);
              return (
                <tr key={measure.label}>
                  <td>{measure.label}</td>
                  {before !== undefined && <td class="right">{shown(measure.of(before), measure.show)}</td>}
                  <td class="right">{shown(measure.of(after), measure.show)}</td>
                  {change !== undefined && (
                    <td class={`right change-${change.kind}`}>
                      {change.text}
                      {change.kind !== 'same' && <span class="hint"> {change.kind}</span>}
                    </td>
                  )}
                </tr>
              );
            })}
          </tbody>
        </table>
      </div>
    </section>
  );
}

function Integrity({ found }: { readonly found: Found }): JSX.Element {
  const { integrity, processes } = found;
  const { proven, unproven, examples } = integrity;
  const leftovers = processes?.leftovers ?? [];
  return (
    <section class="panel">
      <h2>Integrity</h2>
      <ul class="faults">
        {FAULT_NAMES.map((name) => (
          <li key={name}>
            <i class={`dot ${integrity[name] > 0 ? 'bad' : 'good'}`} />
            <span>
              <strong>
                {count(integrity[name])} {name}
              </strong>
              <span class="hint"> {FAULTS[name]}</span>
            </span>
          </li>
        ))}
        {processes !== undefined && (
          <li>
            <i class="dot" />
            <span>
              <strong>
                {count(leftovers.length)} {leftovers.length === 1 ? 'process' : 'processes'} started during the run and
                still running
              </strong>
              <span class="hint">
                {leftovers.length === 0
                  ? ''
                  : ` ${leftovers.map(({ name, pid, orphan }) => `${name} (${pid}${orphan ? ', orphan' : ''})`).join(', ')}; servers that are shared stay`}
              </span>
            </span>
          </li>
        )}
      </ul>
      <p class="hint">
        {proven + unproven === 0
          ? 'No call carried a tag, so an answer for another client could not be seen. Put {{tag}} into an argument that the tool gives back.'
          : `${count(proven)} answers carried the tag of their own call${unproven > 0 ? `; ${count(unproven)} carried none, and whose they were cannot be told` : ''}.`}
      </p>
      {examples.length > 0 && (
        <ol class="examples">
          {examples.map(({ fault, at, what }, nth) => (
            <li key={nth}>
              {fault}, after {duration(at)}: {what}
            </li>
          ))}
        </ol>
      )}
    </section>
  );
}

/** Two runs beside each other, on the same scales. */
export function Comparison({
  before,
  after,
  beforeFound,
  afterFound,
}: {
  readonly before: RunDetail;
  readonly after: RunDetail;
  readonly beforeFound: Found;
  readonly afterFound: Found;
}): JSX.Element {
  return (
    <>
      <Figures before={beforeFound} after={afterFound} />
      <div class="beside">
        <section aria-label="Earlier run">
          <h2>Earlier</h2>
          <RunCharts run={before} points={before.points} beside={after.points} changes={[]} />
        </section>
        <section aria-label="This run">
          <h2>This</h2>
          <RunCharts run={after} points={after.points} beside={before.points} changes={[]} />
        </section>
      </div>
      <Integrity found={afterFound} />
    </>
  );
}
