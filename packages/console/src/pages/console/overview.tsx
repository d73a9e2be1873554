import type { JSX } from 'preact';
import { useState } from 'preact/hooks';
import { niceBytes } from './chart-scale.ts';
import { Chart, Sparkline } from './chart.tsx';
import type { Change, Load, Problem, Upstream } from './facts.ts';
import { MAX_CHANGES } from './limits.ts';
import { Link } from './link.tsx';
import { loadTopicOf, type Range } from './live-state.ts';
import type { Page } from './page.ts';
import { PlainTable } from './plain-table.tsx';
import { RangeChoice, rangeOf } from './range-choice.tsx';
import type { View } from './place.ts';
import { StateMark } from './state-mark.tsx';
import { withKeys } from './problems.ts';
import { age, count, counted, duration, exactly, rate, size } from './words.ts';

const VIEW_OF: Readonly<Record<NonNullable<Problem['about']>['kind'], View>> = {
  upstream: 'servers',
  session: 'sessions',
  request: 'requests',
  person: 'people',
};
/** What the stream is asked for. */
export const overviewTopics = (page: Page): readonly string[] => {
  const range = rangeOf(page);
  return [`history.${range}`, loadTopicOf(range), 'changes', 'upstreams'];
};

/** How many changes are listed at first. */
const FEW_CHANGES = 30;

function ProblemLine({ page, problem }: { readonly page: Page; readonly problem: Problem }): JSX.Element {
  const { level, text, advice, about } = problem;
  return (
    <li class={`problem is-${level}`}>
      <i class={`dot ${level === 'error' ? 'bad' : 'warn'}`} />
      <div>
        <p class="problem-text">{text}</p>
        <p class="hint">{advice}</p>
      </div>
      {about !== undefined && (
        <Link page={page} view={VIEW_OF[about.kind]} params={{ id: about.id }} class="button">
          Look
        </Link>
      )}
    </li>
  );
}

/** Is it well? If not, what to do first. */
function Health({ page }: { readonly page: Page }): JSX.Element {
  const { status, health, upstreams } = page.live!.state;
  if (status === undefined || health === undefined) return <section class="health" aria-busy="true" />;
  const running = age(Date.now() + page.live!.state.clockSkewMs - status.startedAt);
  const facts = (
    <p class="hint">
      {counted(status.clients, 'client')} · {counted(status.connections, 'session')} ·{' '}
      {counted(upstreams.size, 'server')} · up {running} · version {status.version} · process {status.pid}
    </p>
  );
  if (health.problems.length === 0) {
    return (
      <section class="health good">
        <h2>
          <i class="dot good" /> All is well
        </h2>
        {facts}
        {status.clients === 0 && (
          <p class="hint">No client is connected. What switchboard serve prints shows how to connect one.</p>
        )}
      </section>
    );
  }
  return (
    <section class="health">
      <h2>{health.problems.length === 1 ? 'One thing to look at' : `${health.problems.length} things to look at`}</h2>
      {facts}
      <ul class="problems">
        {withKeys(health.problems).map(({ key, problem }) => (
          <ProblemLine key={key} page={page} problem={problem} />
        ))}
      </ul>
    </section>
  );
}

interface ServerRow {
  readonly upstream: Upstream;
  readonly load: Load | undefined;
}

const memoryOf = ({ members }: Upstream): string => {
  const known = members.flatMap(({ memoryBytes }) => memoryBytes ?? []);
  return known.length === 0 ? '–' : size(known.reduce((sum, each) => sum + each, 0));
};
const tookOf = (ms: number | null | undefined): string => (ms == null ? '–' : duration(ms));

interface ServerTableProps {
  readonly page: Page;
  readonly range: Range;
  readonly rows: readonly ServerRow[];
}

function ServerTable({ page, range, rows }: ServerTableProps): JSX.Element {
  return (
    <section class="panel">
      <h2>
        Servers <span class="hint">last {range}</span>
      </h2>
      <PlainTable
        label={`Servers, last ${range}`}
        rows={rows}
        keyOf={({ upstream }) => upstream.name}
        columns={[
          {
            label: 'Server',
            cell: ({ upstream: { name } }) => (
              <Link page={page} view="servers" params={{ id: name }}>
                {name}
              </Link>
            ),
          },
          { label: 'State', cell: ({ upstream }) => <StateMark state={upstream.state} /> },
          { label: 'Calls', right: true, cell: ({ load }) => count(load?.calls ?? 0) },
          {
            label: 'Errors',
            right: true,
            tone: ({ load }) => ((load?.errors ?? 0) > 0 ? 'bad' : undefined),
            cell: ({ load }) => count(load?.errors ?? 0),
          },
          { label: 'p50', right: true, cell: ({ load }) => tookOf(load?.p50Ms) },
          { label: 'p99', right: true, cell: ({ load }) => tookOf(load?.p99Ms) },
          { label: 'Memory', right: true, cell: ({ upstream }) => memoryOf(upstream) },
          {
            label: 'Calls a second',
            cell: ({ upstream, load }) =>
              load === undefined ? '' : <Sparkline values={load.perSecond} label={`Calls to ${upstream.name}`} />,
          },
        ]}
      />
    </section>
  );
}

function Changes({ changes, now }: { readonly changes: readonly Change[]; readonly now: number }): JSX.Element {
  const [isAll, setAll] = useState(false);
  const shown = isAll ? changes : changes.slice(-FEW_CHANGES);
  return (
    <section class="panel">
      <h2>What changed</h2>
      {changes.length === 0 && (
        <p class="empty">Nothing is known to have changed: no reload, no restart, no failure.</p>
      )}
      <ol class="changes">
        {shown.toReversed().map(({ nr, time, level, upstream, text, count: times }) => (
          <li key={nr}>
            <time dateTime={new Date(time).toISOString()} title={exactly(time)}>
              {age(now - time)} ago
            </time>
            <i class={`dot ${level === 'error' ? 'bad' : level === 'warn' ? 'warn' : ''}`} />
            <span>
              {upstream !== undefined && <strong>{upstream} </strong>}
              {text}
              {times > 1 && <span class="hint"> {times} times</span>}
            </span>
          </li>
        ))}
      </ol>
      {shown.length < changes.length && (
        <button type="button" onClick={() => setAll(true)}>
          Show all {count(changes.length)}
        </button>
      )}
      {isAll && changes.length >= MAX_CHANGES && <p class="hint">Those before are not kept.</p>}
    </section>
  );
}

export function Overview({ page }: { readonly page: Page }): JSX.Element {
  const { state } = page.live!;
  const range = rangeOf(page);
  const history = state.history[range];
  const rows = [...state.upstreams.values()].map((upstream) => ({
    upstream,
    load: state.load[range]?.find((each) => each.upstream === upstream.name),
  }));
  const perSecond = (values: readonly number[]): number[] =>
    values.map((value) => value / ((history?.stepMs ?? 1000) / 1000));
  return (
    <div class="scroll">
      <Health page={page} />
      <RangeChoice page={page} />
      <div class="charts" aria-busy={history === undefined}>
        {history !== undefined && (
          <>
            <Chart
              title="Calls a second"
              group="overview"
              {...history}
              changes={state.changes}
              format={rate}
              series={[
                { label: 'Calls', tone: 'accent', values: perSecond(history.calls), area: true },
                { label: 'Errors', tone: 'bad', values: perSecond(history.errors), area: true },
                { label: 'Refused', tone: 'second', values: perSecond(history.refused) },
              ]}
            />
            <Chart
              title="How long calls take"
              group="overview"
              {...history}
              changes={state.changes}
              format={duration}
              series={[
                { label: 'Half take less than', tone: 'accent', values: history.p50Ms },
                { label: '99 of 100', tone: 'second', values: history.p99Ms },
              ]}
            />
            <Chart
              title="Clients, sessions and calls in flight"
              group="overview"
              {...history}
              changes={state.changes}
              format={count}
              series={[
                { label: 'Clients', tone: 'accent', values: history.clients, area: true },
                { label: 'Sessions', tone: 'good', values: history.sessions },
                { label: 'In flight', tone: 'second', values: history.inFlight },
              ]}
            />
            <Chart
              title="Memory of Switchboard"
              group="overview"
              {...history}
              changes={state.changes}
              format={size}
              ceiling={niceBytes}
              series={[{ label: 'Resident', tone: 'accent', values: history.memoryBytes, area: true }]}
            />
          </>
        )}
      </div>
      <div class="panels">
        <ServerTable page={page} range={range} rows={rows} />
        <Changes changes={state.changes} now={Date.now() + state.clockSkewMs} />
      </div>
    </div>
  );
}
