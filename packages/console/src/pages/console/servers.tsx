import type { JSX } from 'preact';
import { Facts } from './detail.tsx';
import { Sparkline } from './chart.tsx';
import type { Upstream } from './facts.ts';
import { Link } from './link.tsx';
import type { LiveState } from './live-state.ts';
import { Members } from './members.tsx';
import type { Page } from './page.ts';
import { ServerActions } from './server-actions.tsx';
import { ServerUsage } from './server-usage.tsx';
import { columnIs } from './rows.ts';
import { StateMark } from './state-mark.tsx';
import { Stderr } from './stderr.tsx';
import { ToolChanges } from './tool-changes.tsx';
import { age, count, counted, duration, exactly, reasonOf } from './words.ts';

/** Absent before one was started. */
const capabilitiesOf = ({ capabilities }: Upstream): string | undefined =>
  capabilities?.length === 0 ? 'none' : capabilities?.join(', ');

function Server({ page, upstream }: { readonly page: Page; readonly upstream: Upstream }): JSX.Element {
  const { state } = page.live!;
  const { name, isolation, reason, failing, running, waiting, members } = upstream;
  const now = Date.now() + state.clockSkewMs;
  const load = state.load.minute?.find((each) => each.upstream === name);
  const changes = state.changes.filter((change) => change.upstream === name).slice(-20);
  return (
    <div class="scroll server">
      <header class="server-head">
        <h2>{name}</h2>
        <StateMark state={upstream.state} />
        {page.mayAct && <ServerActions page={page} upstream={upstream} />}
      </header>
      {reason !== undefined && upstream.state === 'off' && (
        <p class="banner">It is not served, because {reason}. Its sessions have ended.</p>
      )}
      {reason !== undefined && upstream.state !== 'off' && (
        <p class="banner bad" role="alert">
          {reasonOf(reason)}
        </p>
      )}
      <Facts
        facts={{
          Isolation: isolation,
          Requests: (
            <>
              {count(running)} running{waiting > 0 && `, ${count(waiting)} waiting for their turn`} ·{' '}
              <Link page={page} view="requests" params={{ filter: columnIs('server', name) }}>
                all of them
              </Link>
            </>
          ),
          'Last minute':
            load === undefined ? (
              'no calls'
            ) : (
              <>
                {counted(load.calls, 'call')}, {counted(load.errors, 'error')}
                {load.p50Ms !== null && `, p50 ${duration(load.p50Ms)}`}
                {load.p99Ms !== null && `, p99 ${duration(load.p99Ms)}`}{' '}
                <Sparkline values={load.perSecond} label="Calls a second" />
              </>
            ),
          'Calls itself': [upstream.server?.name, upstream.server?.version].filter(Boolean).join(' '),
          Capabilities: capabilitiesOf(upstream),
          'Failing since':
            failing === undefined ? undefined : `${exactly(failing.since)}, for ${age(now - failing.since)}`,
          'Next try':
            failing?.nextTryAt === undefined
              ? undefined
              : failing.nextTryAt > now
                ? `in ${age(failing.nextTryAt - now)}`
                : 'now',
        }}
      />
      {upstream.state !== 'off' && (
        <>
          <h3>Members</h3>
          <Members members={members} now={now} last={changes.at(-1)} />
          <ServerUsage page={page} upstream={upstream} changes={changes} />
        </>
      )}
      <h3>
        stderr <span class="hint">the last 200 lines, live</span>
      </h3>
      <Stderr lines={state.stderr[name]} />
      {upstream.state !== 'off' && <ToolChanges page={page} name={name} />}
      {changes.length > 0 && (
        <>
          <h3>What changed</h3>
          <ol class="changes">
            {changes.toReversed().map(({ nr, time, level, text, count: times }) => (
              <li key={nr}>
                <time title={exactly(time)}>{age(now - time)} ago</time>
                <i class={`dot ${level === 'error' ? 'bad' : level === 'warn' ? 'warn' : ''}`} />
                <span>
                  {text}
                  {times > 1 && <span class="hint"> {times} times</span>}
                </span>
              </li>
            ))}
          </ol>
        </>
      )}
    </div>
  );
}

/** What is wrong comes first. */
const GRAVITY: Readonly<Record<string, number>> = { failing: 0, failed: 1, ready: 2, idle: 3, off: 4 };

const inOrder = ({ upstreams }: LiveState): readonly Upstream[] =>
  [...upstreams.values()].sort(
    (one, other) => (GRAVITY[one.state] ?? 2) - (GRAVITY[other.state] ?? 2) || one.name.localeCompare(other.name),
  );

/** The server of the address. Of all of them as one, `*`, there is none. */
const namedIn = ({ place }: Page): string | undefined => (place.params['id'] === '*' ? undefined : place.params['id']);

/** On a wide page one is always shown: that of the address, or else the first one. */
export function shownServer(page: Page): Upstream | undefined {
  const { state } = page.live!;
  const id = namedIn(page);
  return id === undefined ? inOrder(state)[0] : state.upstreams.get(id);
}

export function Servers({ page }: { readonly page: Page }): JSX.Element {
  const { state } = page.live!;
  const all = inOrder(state);
  const id = namedIn(page);
  const upstream = shownServer(page);
  return (
    <div class={id === undefined ? 'split servers' : 'split servers open'}>
      <section class="list">
        <ul class="server-list" aria-label="Servers">
          {all.map(({ name, state: of, isolation, members, running }) => (
            <li key={name}>
              <Link page={page} view="servers" params={{ id: name }} current={name === upstream?.name}>
                <span class="server-name">{name}</span>
                <StateMark state={of} />
                <span class="hint">
                  {members.length === 0 ? isolation : `${counted(members.length, 'member')}, ${running} running`}
                </span>
              </Link>
            </li>
          ))}
        </ul>
      </section>
      {upstream !== undefined ? (
        <Server key={upstream.name} page={page} upstream={upstream} />
      ) : (
        <p class="empty">
          {state.known.has('upstreams') ? `There is no server ${JSON.stringify(id ?? '')} now.` : 'Loading…'}
        </p>
      )}
      {id !== undefined && (
        <Link page={page} view="servers" class="back">
          All servers
        </Link>
      )}
    </div>
  );
}
