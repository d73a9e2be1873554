import './simulate.css';
import type { JSX } from 'preact';
import { addressOf, ask } from './api.ts';
import { Failed, useAsked, type Asked } from './asked.tsx';
import type { Run, RunDetail } from './facts.ts';
import { Link } from './link.tsx';
import { NewRun } from './new-run.tsx';
import type { Page } from './page.ts';
import { Comparison, RunCharts, RunErrors, RunFigures, RunFindings } from './run-detail.tsx';
import { MAX_CLIENTS, particularsOf, shownRun, titleOf } from './simulation.ts';
import { StateMark } from './state-mark.tsx';
import { age, count, counted, duration, exactly, rate } from './words.ts';

/** What an ended run found: asked for once. */
function useFound(page: Page, run: Run | undefined): Asked<RunDetail> {
  const of = run === undefined || run.state === 'running' ? undefined : run.id;
  return useAsked(page, of, () => ask<RunDetail>('simulation', { name: of! }));
}

function Progress({ page, run }: { readonly page: Page; readonly run: Run }): JSX.Element {
  return (
    <section class="under-way" aria-label="Run under way">
      <p>
        A run of {run.operator} against <strong>{run.upstream}</strong> is {run.phase}.
      </p>
      <progress max={1} value={run.done} aria-label="How much of the run is over" />
      <div class="buttons">
        {page.mayAct && (
          <button
            type="button"
            class="danger"
            onClick={() => void page.act('stopSimulation', { name: run.id }, 'The run ends; what it found counts.')}
          >
            Stop
          </button>
        )}
        <Link page={page} view="simulate" params={{ id: run.id }} class="button">
          Watch
        </Link>
      </div>
    </section>
  );
}

function Runs({ page, shown }: { readonly page: Page; readonly shown: Run | undefined }): JSX.Element {
  const runs = page.live!.state.simulations ?? [];
  const now = Date.now() + page.live!.state.clockSkewMs;
  return (
    <section aria-label="Last runs">
      <h2>
        Last runs <span class="hint">ten are kept</span>
      </h2>
      {runs.length === 0 && (
        <p class="hint">
          {page.mayAct
            ? 'None yet. Start one above; its charts appear while it runs.'
            : 'None yet. An operator can start one, and you see it here.'}
        </p>
      )}
      <ul class="server-list">
        {runs.map((run) => (
          <li key={run.id}>
            <Link page={page} view="simulate" params={{ id: run.id }} current={run.id === shown?.id}>
              <span class="server-name">{run.upstream}</span>
              <StateMark state={run.state} />
              <span class="hint">
                {titleOf(run)} · <time title={exactly(run.startedAt)}>{age(now - run.startedAt)} ago</time>
                {run.answers > 0 && (
                  <>
                    <br />
                    {rate(run.rate)}/s{run.p99 !== undefined && `, p99 ${duration(run.p99)}`}
                    {run.errors > 0 && `, ${counted(run.errors, 'error')}`}
                  </>
                )}
              </span>
            </Link>
          </li>
        ))}
      </ul>
    </section>
  );
}

function RunView({ page, run }: { readonly page: Page; readonly run: Run }): JSX.Element {
  const { state } = page.live!;
  const others = (state.simulations ?? []).filter(
    ({ id, state: of }) => id !== run.id && (of === 'done' || of === 'stopped'),
  );
  const before = others.find(({ id }) => id === page.place.params['before']);
  const found = useFound(page, run);
  const foundBefore = useFound(page, before);
  const [detail, earlier] = [found.answer, foundBefore.answer];
  const isRunning = run.state === 'running';
  const points = (isRunning ? state.points[run.id] : (detail?.points ?? state.points[run.id])) ?? [];
  const result = detail?.result;
  const query = before === undefined ? {} : { query: { before: before.id } };
  return (
    <div class="scroll run">
      <header class="server-head">
        <h2>
          {run.upstream}: {titleOf(run)}
        </h2>
        <StateMark state={run.state} />
        <div class="buttons">
          {others.length > 0 && result !== undefined && (
            <label class="group-by">
              <span class="hint">Compare with</span>
              <select
                value={before?.id ?? ''}
                onChange={({ currentTarget }) =>
                  page.show({ id: run.id, before: currentTarget.value || undefined }, false)
                }
              >
                <option value="">no other run</option>
                {others.map((other) => (
                  <option key={other.id} value={other.id}>
                    {other.upstream}: {titleOf(other)}, {exactly(other.startedAt)}
                  </option>
                ))}
              </select>
            </label>
          )}
          {result !== undefined && (
            <a
              class="button"
              href={addressOf('simulationReport', { name: run.id, ...query })}
              target="_blank"
              rel="noreferrer"
            >
              Full report
            </a>
          )}
        </div>
      </header>
      <p class="hint">
        Started by {run.operator}, {exactly(run.startedAt)}. {particularsOf(run)}
      </p>
      {run.error !== undefined && (
        <p class="banner bad" role="alert">
          {run.error}
        </p>
      )}
      <Failed asked={found} />
      <Failed asked={foundBefore} />
      {isRunning && <RunFigures run={run} />}
      {result?.self.bottleneck === true && (
        <p class="banner warn-banner">
          The simulator was busy all the time: it may be what was measured, not the server. Run{' '}
          <code>mcp-simulate</code> with several threads, or on another machine.
        </p>
      )}
      {before !== undefined && earlier?.result !== undefined && detail?.result !== undefined ? (
        <Comparison before={earlier} after={detail} beforeFound={earlier.result} afterFound={detail.result} />
      ) : (
        <>
          {points.length > 0 ? (
            <RunCharts run={run} points={points} changes={state.changes} />
          ) : (
            isRunning && <p class="hint">The first figures come once all clients are connected.</p>
          )}
          {result !== undefined && <RunFindings found={result} />}
        </>
      )}
      <RunErrors codes={run.codes} total={run.errors} isOver={!isRunning} />
    </div>
  );
}

export function Simulate({ page }: { readonly page: Page }): JSX.Element {
  const { state } = page.live!;
  const run = shownRun(page);
  const { id } = page.place.params;
  const running = state.simulations?.find((each) => each.state === 'running');
  return (
    <div class={id === undefined ? 'split servers simulate' : 'split servers simulate open'}>
      <section class="list">
        {running !== undefined && <Progress page={page} run={running} />}
        {page.mayAct && (
          // Kept during a run, with what was typed.
          <div hidden={running !== undefined}>
            <NewRun page={page} />
          </div>
        )}
        <Runs page={page} shown={run} />
      </section>
      {run !== undefined ? (
        <RunView key={run.id} page={page} run={run} />
      ) : (
        <div class="scroll run nothing-yet">
          {!state.known.has('simulations') ? (
            <p>Loading…</p>
          ) : id !== undefined ? (
            <p>
              There is no run <code>{id}</code> here: the last ten are kept, and a restart forgets them.
            </p>
          ) : (
            <>
              <h2>How much can a server take?</h2>
              <p>
                A run connects many clients to one of your servers, calls it as fast as you say, and checks that each
                answer reaches the client that asked. Up to {count(MAX_CLIENTS)} clients for 10 minutes, one run at a
                time.
              </p>
              <p>The calls are real: choose a tool that may be called often.</p>
              {state.status?.nodes !== undefined && <p>A run loads the node that answers this page, and no other.</p>}
            </>
          )}
        </div>
      )}
      {id !== undefined && (
        <Link page={page} view="simulate" class="back">
          All runs
        </Link>
      )}
    </div>
  );
}
