import type { JSX } from 'preact';
import { useEffect, useRef, useState } from 'preact/hooks';
import { Ask } from './ask.tsx';
import { Facts } from './detail.tsx';
import { Sparkline } from './chart.tsx';
import type { Change, Member, StderrLine, Upstream } from './facts.ts';
import { Link } from './link.tsx';
import type { LiveState } from './live-state.ts';
import type { Page } from './page.ts';
import { StateMark } from './state-mark.tsx';
import { age, clock, count, counted, duration, exactly, size } from './words.ts';

interface CheckAnswer {
  readonly era: string;
  readonly version: string;
  readonly server?: { readonly name?: string; readonly version?: string };
  readonly tools?: number;
  readonly prompts?: number;
  readonly resources?: number;
  readonly ms: number;
}

const describeCheck = ({ era, version, tools, prompts, resources, ms }: CheckAnswer): string => {
  const counts = Object.entries({ tool: tools, prompt: prompts, resource: resources });
  const has = counts.flatMap(([kind, value]) => (value === undefined ? [] : [counted(value, kind)]));
  return `It is well: ${era} ${version}, ${has.join(', ') || 'lists nothing'}, in ${duration(ms)}.`;
};

interface MembersProps {
  readonly members: readonly Member[];
  readonly now: number;
  /** What happened to it last. */
  readonly last: Change | undefined;
}

function Members({ members, now, last }: MembersProps): JSX.Element {
  if (members.length === 0) {
    const hasFailed = last?.type === 'member.failed' || last?.type === 'upstream.failing';
    return (
      <p class="empty">
        {hasFailed
          ? `Not running: its last start failed ${age(now - last.time)} ago. The next request tries again.`
          : 'Not started: the first request starts it.'}
      </p>
    );
  }
  return (
    <div class="scrolls" tabIndex={0} role="region" aria-label="Members">
      <table class="plain">
        <thead>
          <tr>
            <th>State</th>
            <th class="right">Process</th>
            <th>Protocol</th>
            <th class="right">Age</th>
            <th class="right">In flight</th>
            <th class="right">Served</th>
            <th class="right">Memory</th>
            <th class="right">CPU time</th>
            <th class="right">Restarts</th>
            <th>Why the last one ended</th>
          </tr>
        </thead>
        <tbody>
          {members.map((member) => (
            <tr key={`${member.slot} ${member.pid ?? ''} ${member.startedAt ?? ''}`} title={member.slot}>
              <td>
                <StateMark state={member.state} />
              </td>
              <td class="right">{member.pid ?? '–'}</td>
              <td>{[member.era, member.version].filter(Boolean).join(' ') || '–'}</td>
              <td class="right">
                {member.startedAt === undefined ? (
                  '–'
                ) : (
                  <span title={exactly(member.startedAt)}>{age(now - member.startedAt)}</span>
                )}
              </td>
              <td class="right">{member.inFlight}</td>
              <td class="right">{count(member.requests)}</td>
              <td class="right">{member.memoryBytes === undefined ? '–' : size(member.memoryBytes)}</td>
              <td class="right">{member.cpuMs === undefined ? '–' : duration(member.cpuMs)}</td>
              <td class={`right${member.restarts > 0 ? ' warn' : ''}`}>{member.restarts}</td>
              <td class="wraps">{member.lastReason ?? ''}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

/** Follows the end, unless somebody has scrolled up. */
function Stderr({ lines }: { readonly lines: readonly StderrLine[] }): JSX.Element {
  const box = useRef<HTMLDivElement>(null);
  const follows = useRef(true);
  useEffect(() => {
    if (follows.current && box.current !== null) box.current.scrollTop = box.current.scrollHeight;
  });
  if (lines.length === 0) return <p class="empty">It has written nothing to stderr since Switchboard started.</p>;
  return (
    <div
      class="stderr"
      ref={box}
      tabIndex={0}
      role="log"
      aria-label="Lines on stderr"
      onScroll={({ currentTarget: { scrollTop, scrollHeight, clientHeight } }) => {
        follows.current = scrollTop + clientHeight > scrollHeight - 20;
      }}
    >
      {lines.map(({ nr, time, pid, line }) => (
        <p key={nr}>
          <time title={exactly(time)}>{clock(time)}</time>
          <span class="pid">{pid}</span>
          <span>{line}</span>
        </p>
      ))}
    </div>
  );
}

function Server({ page, upstream }: { readonly page: Page; readonly upstream: Upstream }): JSX.Element {
  const { state } = page.live!;
  const [asking, setAsking] = useState(false);
  const [checking, setChecking] = useState(false);
  const { name, isolation, reason, failing, running, waiting, members } = upstream;
  const now = Date.now() + state.clockSkewMs;
  const load = state.load?.find((each) => each.upstream === name);
  const changes = state.changes.filter((change) => change.upstream === name).slice(-20);
  const isSoft = isolation === 'shared' || isolation === 'pool';
  const check = (): void => {
    setChecking(true);
    void page
      .act<CheckAnswer>('check', { name }, (answer) => `${name}: ${describeCheck(answer)}`)
      .finally(() => setChecking(false));
  };
  return (
    <div class="scroll server">
      <header class="server-head">
        <h2>{name}</h2>
        <StateMark state={upstream.state} />
        {page.mayAct && (
          <div class="buttons">
            <button type="button" disabled={checking} onClick={check}>
              {checking ? 'Checking…' : 'Check'}
            </button>
            <button type="button" class="danger" onClick={() => setAsking(true)}>
              Restart…
            </button>
          </div>
        )}
      </header>
      {reason !== undefined && (
        <p class="banner bad" role="alert">
          {reason}
        </p>
      )}
      <Facts
        facts={{
          Isolation: isolation,
          Requests: (
            <>
              {count(running)} running{waiting > 0 && `, ${count(waiting)} waiting for their turn`} ·{' '}
              <Link page={page} view="requests" params={{ filter: `server:${name}` }}>
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
      <h3>Members</h3>
      <Members members={members} now={now} last={changes.at(-1)} />
      <h3>
        stderr <span class="hint">the last 200 lines, live</span>
      </h3>
      <Stderr lines={state.stderr[name] ?? []} />
      {changes.length > 0 && (
        <>
          <h3>What changed</h3>
          <ol class="changes">
            {changes.toReversed().map(({ time, level, text, count: times }) => (
              <li key={`${time} ${text}`}>
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
      {asking && (
        <Ask
          title={`Restart ${name}`}
          action="Restart"
          grave={!isSoft}
          onClose={() => setAsking(false)}
          onDo={() => void page.act('restart', { name }, `${name} was restarted.`)}
        >
          <p>
            {isSoft
              ? 'A new member takes the place of each before the old one ends, so clients do not notice.'
              : `Each of its ${counted(members.length, 'member')} is replaced. What a server keeps in memory for its session is lost, and running calls fail.`}
          </p>
        </Ask>
      )}
    </div>
  );
}

/** What is wrong comes first. */
const GRAVITY: Readonly<Record<string, number>> = { failing: 0, failed: 1, ready: 2, idle: 3 };

const inOrder = ({ upstreams }: LiveState): readonly Upstream[] =>
  [...upstreams.values()].sort(
    (one, other) => (GRAVITY[one.state] ?? 2) - (GRAVITY[other.state] ?? 2) || one.name.localeCompare(other.name),
  );

/** On a wide page one is always shown: that of the address, or else the first one. */
export function shownServer({ live, place }: Page): Upstream | undefined {
  const { id } = place.params;
  return id === undefined ? inOrder(live!.state)[0] : live!.state.upstreams.get(id);
}

export function Servers({ page }: { readonly page: Page }): JSX.Element {
  const { state } = page.live!;
  const all = inOrder(state);
  const { id } = page.place.params;
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
