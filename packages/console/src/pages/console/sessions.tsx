import type { JSX } from 'preact';
import { useMemo, useState } from 'preact/hooks';
import { typed } from '../common/form-text.ts';
import { messageOf } from './actions.tsx';
import { Ask, Field, ReasonField } from './ask.tsx';
import { CopyButton } from '../common/copy-button.tsx';
import { Detail, Facts } from './detail.tsx';
import type { NodeSessions, Recent, Running, Session } from './facts.ts';
import { Filter } from './filter.tsx';
import { Link } from './link.tsx';
import { keyOf } from './live-state.ts';
import type { Page } from './page.ts';
import { columnIs, filterRows, readOrder, writeOrder } from './rows.ts';
import { ServerLink } from './server-link.tsx';
import { SessionMessages, isElsewhere, messagesTopicOf } from './session-messages.tsx';
import { RequestMark, StateMark } from './state-mark.tsx';
import { Table, type TableColumn } from './table.tsx';
import { age, count, counted, duration, exactly, left, size } from './words.ts';

const clientOf = ({ client }: Session): string => [client?.name, client?.version].filter(Boolean).join(' ');
const GROUPS = ['principal', 'client', 'server', 'transport', 'state', 'node', 'groups'];

/** Columns that show ages need the server's time. */
function columnsOf(now: () => number): readonly TableColumn<Session>[] {
  return [
    { key: 'principal', label: 'Who', width: 'minmax(5rem, 1.2fr)', from: 0, value: ({ principal }) => principal },
    { key: 'client', label: 'Client', width: 'minmax(8rem, 1.4fr)', from: 560, value: clientOf },
    { key: 'server', label: 'Server', width: 'minmax(6rem, 1fr)', from: 760, value: ({ upstream }) => upstream },
    {
      key: 'state',
      label: 'State',
      width: '5.5rem',
      from: 0,
      value: ({ state }) => state,
      cell: ({ state }) => <StateMark state={state} />,
    },
    {
      key: 'transport',
      label: 'Transport',
      width: '9rem',
      value: ({ transport, era }) => [transport, era].filter(Boolean).join(' '),
    },
    {
      key: 'inFlight',
      label: 'In flight',
      width: '4.5rem',
      right: true,
      from: 0,
      value: ({ inFlight }) => inFlight,
      cell: ({ inFlight }) => (inFlight === 0 ? <span class="nothing">0</span> : count(inFlight)),
    },
    {
      key: 'left',
      label: 'Rate left',
      width: '7rem',
      right: true,
      from: 560,
      value: ({ allowance }) => (allowance === undefined ? 2 : allowance.remaining / allowance.limit),
      cell: ({ allowance }) =>
        allowance === undefined ? (
          ''
        ) : (
          <span
            class={allowance.remaining < allowance.limit / 5 ? 'bad' : undefined}
            title={`${count(Math.floor(allowance.remaining))} of ${count(allowance.limit)}`}
          >
            {left(allowance.remaining, allowance.limit)}
          </span>
        ),
    },
    {
      key: 'age',
      label: 'Age',
      width: '5rem',
      right: true,
      value: ({ startedAt }) => -startedAt,
      cell: ({ startedAt }) => <span title={exactly(startedAt)}>{age(now() - startedAt)}</span>,
    },
    {
      key: 'quiet',
      label: 'Quiet',
      width: '4rem',
      right: true,
      from: 0,
      value: ({ lastActivity }) => -lastActivity,
      cell: ({ lastActivity }) => <span title={exactly(lastActivity)}>{age(now() - lastActivity)}</span>,
    },
    { key: 'node', label: 'Node', width: '6rem', optional: true, from: 560, value: ({ node = '' }) => node },
    { key: 'address', label: 'Address', width: '8rem', optional: true, value: ({ address = '' }) => address },
    { key: 'groups', label: 'Groups', width: '6rem', optional: true, value: ({ groups }) => groups.join(' ') },
  ];
}

/** How many calls of one session are listed. */
const MAX_CALLS = 50;

function Calls({
  page,
  running,
  recent,
}: {
  readonly page: Page;
  readonly running: readonly Running[];
  readonly recent: readonly Recent[];
}): JSX.Element {
  const now = Date.now() + page.live!.state.clockSkewMs;
  if (running.length + recent.length === 0)
    return <p class="empty">No calls among the last thousand of all sessions.</p>;
  return (
    <ol class="calls">
      {running.map(({ id, method, target, startedAt, state }) => (
        <li key={id}>
          <Link page={page} view="requests" params={{ id }}>
            {target ?? method}
          </Link>
          <RequestMark state={state} method={method} ms={now - startedAt} />
          <span class="right">{age(now - startedAt)}</span>
        </li>
      ))}
      {recent
        .slice(-MAX_CALLS)
        .toReversed()
        .map(({ nr, time, method, target, outcome, error, ms }) => (
          <li key={nr} title={exactly(time)}>
            <span>{target ?? method}</span>
            <span>
              <StateMark state={outcome} /> {error !== undefined && <span class="hint">{error}</span>}
            </span>
            <span class="right">{ms === undefined ? '' : duration(ms)}</span>
          </li>
        ))}
    </ol>
  );
}

/** Of the calls among the last thousand of all sessions; a listen lasts as long as its client likes. */
function latencyOf(recent: readonly Recent[]): string | undefined {
  const took = recent
    .flatMap(({ ms, method }) => (ms === undefined || method === 'subscriptions/listen' ? [] : [ms]))
    .sort((one, other) => one - other);
  if (took.length === 0) return undefined;
  const at = (part: number): string => duration(took[Math.min(took.length - 1, Math.floor(took.length * part))]!);
  return `p50 ${at(0.5)}, p99 ${at(0.99)}, of the last ${counted(took.length, 'call')}`;
}

/** How often it was resumed or moved, and when last. */
function returnsOf({ returns }: Session, now: number): string | undefined {
  if (returns === undefined) return undefined;
  const last = returns.last
    .toReversed()
    .map(({ time, how }) => `${how === 'moved' ? 'to another process' : 'on a new socket'} ${age(now - time)} ago`);
  return `${counted(returns.count, 'time')}: ${last.join(', ')}`;
}

type Doing = 'end' | 'cancel' | 'message';

function SessionDetail({ page, session }: { readonly page: Page; readonly session: Session }): JSX.Element {
  const { state } = page.live!;
  const [doing, setDoing] = useState<Doing>();
  const { id, key, principal, upstream, transport, era, version, address, userAgent, groups, metadata, traffic } =
    session;
  // The id of a client without a session is its address, which others may have too.
  const hasSession = key === undefined;
  const now = Date.now() + state.clockSkewMs;
  const running = [...state.requests.values()].filter((each) =>
    hasSession ? each.session === id : each.clientKey === key,
  );
  const recent = useMemo(
    () => state.recent.filter((each) => each.session === id && (hasSession || each.principal === principal)),
    [id, hasSession, principal, state.versions.recent],
  );
  const errors = recent.filter(({ outcome }) => outcome !== 'ok' && outcome !== 'cancelled').length;
  // Of one at another node it is known how many calls it has, and not which.
  const isAway = isElsewhere(page, session);
  const underWay = isAway ? session.inFlight : running.length;
  const close = (): void => setDoing(undefined);
  return (
    <Detail
      title={`${principal}, ${clientOf(session) || transport}`}
      onClose={() => page.show({ id: undefined }, false)}
    >
      {page.mayAct && (
        <div class="buttons">
          <button type="button" disabled={underWay === 0} onClick={() => setDoing('cancel')}>
            Cancel its calls
          </button>
          {hasSession && (
            <>
              <button type="button" onClick={() => setDoing('message')}>
                Message…
              </button>
              <button type="button" class="danger" onClick={() => setDoing('end')}>
                End session…
              </button>
            </>
          )}
        </div>
      )}
      <Facts
        facts={{
          State: <StateMark state={session.state} />,
          Session: !hasSession ? (
            'none: each of its requests stands alone'
          ) : (
            <>
              <code>{id}</code> <CopyButton label="Copy the session’s id" text={() => id} />
            </>
          ),
          Server: <ServerLink page={page} name={upstream} />,
          Protocol: [transport, era, version].filter(Boolean).join(', '),
          Address: address,
          'User agent': userAgent,
          Began: `${age(now - session.startedAt)} ago, ${exactly(session.startedAt)}`,
          'Last message': `${age(now - session.lastActivity)} ago`,
          Rate:
            session.allowance === undefined
              ? undefined
              : `${count(Math.floor(session.allowance.remaining))} of ${count(session.allowance.limit)} left`,
          Traffic:
            traffic === undefined
              ? undefined
              : `${count(traffic.messagesIn)} messages in (${size(traffic.bytesIn)}), ${count(traffic.messagesOut)} out (${size(traffic.bytesOut)})`,
          Node: session.node,
          Ping: traffic?.latencyMs === undefined ? undefined : duration(traffic.latencyMs),
          'Its calls take': latencyOf(recent),
          'Came back': returnsOf(session, now),
          Groups: groups.join(', '),
          ...metadata,
        }}
      />
      <h3>
        Calls{' '}
        <span class="hint">
          {isAway ? `${underWay} under way` : `${underWay} under way, ${recent.length} ended, ${errors} not well`}
          {!hasSession && !isAway && `; those that ended are all of ${principal} from ${id}`}
        </span>
      </h3>
      {!isAway && <Calls page={page} running={running} recent={recent} />}
      {(hasSession || isAway) && (
        <>
          <h3>
            Messages <span class="hint">names and sizes, the last 200, live</span>
          </h3>
          <SessionMessages page={page} session={session} />
        </>
      )}
      {doing === 'end' && (
        <Ask
          title="End the session"
          action="End session"
          grave
          onClose={close}
          onDo={(form) => {
            const reason = typed(form, 'reason');
            const query = reason === '' ? {} : { reason };
            void page.act('endSession', { name: id, query }, `The session of ${principal} was ended.`);
          }}
        >
          <p>Its calls are cancelled and its client is disconnected. The client may connect again.</p>
          <ReasonField />
        </Ask>
      )}
      {doing === 'cancel' && (
        <Ask
          title="Cancel its calls"
          action={`Cancel ${counted(underWay, 'call')}`}
          grave
          onClose={close}
          onDo={(form) => {
            const reason = typed(form, 'reason');
            void page.act<{ count: number }>(
              'cancelAll',
              { name: nameOf(session), query: reason === '' ? {} : { reason } },
              (answer) => `${counted(answer.count, 'call')} cancelled.`,
            );
          }}
        >
          <p>The client gets the error SWB_CANCELLED for each. {hasSession && 'Its session stays.'}</p>
          <ReasonField />
        </Ask>
      )}
      {doing === 'message' && (
        <Ask
          title={`Message to ${principal}`}
          action="Send"
          onClose={close}
          onDo={(form) =>
            void page.act<{ count: number }>(
              'broadcast',
              { body: { ...messageOf(typed(form, 'text')), to: { session: id } } },
              (answer) => (answer.count === 0 ? 'The session is not open, so nothing was sent.' : 'Sent.'),
            )
          }
        >
          <Field label="Text" name="text" required />
        </Ask>
      )}
    </Detail>
  );
}

/** In a cluster: what is known of the other nodes. */
function Elsewhere({ nodes }: { readonly nodes: readonly NodeSessions[] }): JSX.Element | null {
  if (nodes.length === 0) return null;
  const silent = nodes.filter(({ error }) => error !== undefined);
  const leftOut = nodes.reduce((sum, each) => sum + each.leftOut, 0);
  const answered = nodes.filter(({ error }) => error === undefined).map(({ node }) => node);
  return (
    <p class="hint elsewhere">
      {answered.length > 0 && `Sessions of ${answered.join(', ')} are as they were a little while ago. `}
      {leftOut > 0 && `${counted(leftOut, 'session')} there are left out. `}
      {silent.map(({ node, error = '' }) => `${node} did not answer: ${error}. `)}
    </p>
  );
}

/** What routes know it by: behind a space stands the node of a client without a session. */
const nameOf = ({ id, key }: Session): string => key?.split(' ')[0] ?? id;

/** The one whose details are open. */
const shownSession = ({ live, place }: Page): Session | undefined =>
  place.params['id'] === undefined ? undefined : live!.state.sessions.get(place.params['id']);

/** What the stream is asked for. */
export const sessionsTopics = (page: Page): readonly string[] => [
  'sessions',
  'elsewhere',
  'requests',
  'recent',
  ...messagesTopicOf(page, shownSession(page)),
];

/** One that is not listed any more. */
function Gone({ page, id }: { readonly page: Page; readonly id: string }): JSX.Element {
  // The key of a client without a session ends with its address.
  const address = /@(\S+)/.exec(id)?.[1];
  const hadSession = address === undefined;
  return (
    <Detail
      title={hadSession ? 'The session has ended' : 'No request of it runs now'}
      onClose={() => page.show({ id: undefined }, false)}
    >
      <p>
        {hadSession ? (
          <>
            There is no session <code>{id}</code> now.
          </>
        ) : (
          'A client without a session is listed while one of its requests runs.'
        )}{' '}
        Its last calls are among the{' '}
        <Link page={page} view="requests" params={{ filter: columnIs('session', address ?? id) }}>
          recent requests
        </Link>
        .
      </p>
    </Detail>
  );
}

export function Sessions({ page }: { readonly page: Page }): JSX.Element {
  const { state } = page.live!;
  const { id, filter = '', order = 'age', group } = page.place.params;
  const columns = useMemo(() => columnsOf(() => Date.now() + state.clockSkewMs), [state]);
  const version = state.versions.sessions;
  const rows = useMemo(() => [...state.sessions.values()], [state, version]);
  const found = useMemo(() => filterRows(rows, columns, filter), [rows, columns, filter]);
  const session = id === undefined ? undefined : state.sessions.get(id);
  const all = counted(rows.length, 'session');
  const isKnown = state.known.has('sessions');
  return (
    <div class={id === undefined ? 'split' : 'split open'}>
      <section class="list">
        <Filter
          page={page}
          example="ann, server:demo, -cursor"
          count={filter === '' ? all : `${count(found.length)} of ${all}`}
        >
          <label class="group-by">
            <span class="hidden">Group by</span>
            <select value={group ?? ''} onChange={({ currentTarget }) => page.show({ group: currentTarget.value })}>
              <option value="">No groups</option>
              {columns
                .filter(({ key }) => GROUPS.includes(key))
                .map(({ key, label }) => (
                  <option key={key} value={key}>
                    By {label.toLowerCase()}
                  </option>
                ))}
            </select>
          </label>
        </Filter>
        <Elsewhere nodes={state.elsewhere} />
        <Table
          label="Sessions"
          columns={columns}
          rows={found}
          order={readOrder(order)}
          group={group}
          selected={id}
          idOf={keyOf}
          onOrder={(next) => page.show({ order: writeOrder(next) })}
          onOpen={(each) => page.show({ id: keyOf(each) }, false)}
          empty={
            !isKnown
              ? 'Loading…'
              : rows.length > 0
                ? 'No session matches the filter.'
                : 'No client is connected. What switchboard serve prints shows how to connect one.'
          }
        />
      </section>
      {session !== undefined && <SessionDetail key={keyOf(session)} page={page} session={session} />}
      {id !== undefined && session === undefined && isKnown && <Gone page={page} id={id} />}
    </div>
  );
}
