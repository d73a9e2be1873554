import type { JSX } from 'preact';
import { useMemo, useState } from 'preact/hooks';
import { CopyButton } from '../common/copy-button.tsx';
import { typed } from '../common/form-text.ts';
import { Ask, ReasonField } from './ask.tsx';
import { Detail, Facts } from './detail.tsx';
import type { Recent, Running } from './facts.ts';
import { Filter } from './filter.tsx';
import { Link } from './link.tsx';
import type { Page } from './page.ts';
import { filterRows, readOrder, writeOrder } from './rows.ts';
import { ServerLink } from './server-link.tsx';
import { RequestMark } from './state-mark.tsx';
import { Table, type TableColumn } from './table.tsx';
import { TraceLink } from './trace-link.tsx';
import { Waterfall } from './waterfall.tsx';
import { age, clock, count, counted, duration, exactly, size } from './words.ts';

/** A request in one table, whether it is under way or has ended. */
interface Row {
  readonly key: string;
  readonly request: Running | Recent;
  readonly isRunning: boolean;
  readonly state: string;
  readonly error: string;
}

const OUTCOMES: Readonly<Record<string, { readonly label: string; passes(row: Row): boolean }>> = {
  '': { label: 'All', passes: () => true },
  running: { label: 'Under way', passes: ({ isRunning }) => isRunning },
  failed: { label: 'Failed', passes: ({ state }) => state === 'error' || state === 'isError' },
  refused: { label: 'Refused', passes: ({ state }) => state === 'refused' },
  cancelled: { label: 'Cancelled', passes: ({ state }) => state === 'cancelled' },
};

const keyOf = (recent: Recent): string => recent.id ?? `refused-${recent.nr}`;
const isRunning = (request: Running | Recent): request is Running => 'startedAt' in request;

const answerBytes = ({ request }: Row): number | undefined => (isRunning(request) ? undefined : request.bytesOut);
const sizeText = (bytes: number | undefined): string => (bytes === undefined ? '' : size(bytes));

/** What is known of the sizes, and why not more: to count what is small costs more than to hand it on. */
function sizesOf({ bytesIn, bytesOut, outcome }: Recent): string {
  const known = [
    ...(bytesIn === undefined ? [] : [`params ${size(bytesIn)}`]),
    ...(outcome === 'cancelled' ? ['no answer'] : bytesOut === undefined ? [] : [`answer ${size(bytesOut)}`]),
  ];
  if (known.length === 2) return known.join(', ');
  const why = 'counted with an audit log only, unless it is large and handed on as it is';
  return known.length === 0 ? `not known: each is ${why}` : `${known[0]}; the other is ${why}`;
}

const Mark = ({ row: { state, request }, ms }: { readonly row: Row; readonly ms: number }): JSX.Element => (
  <RequestMark state={state} method={request.method} ms={ms} />
);

function columnsOf(now: () => number): readonly TableColumn<Row>[] {
  const tookOf = ({ request }: Row): number => (isRunning(request) ? now() - request.startedAt : (request.ms ?? 0));
  return [
    {
      key: 'time',
      label: 'When',
      width: '4.5rem',
      from: 0,
      // What is under way is newer than all that has ended.
      value: ({ request }) => (isRunning(request) ? 1e15 + request.startedAt : request.nr),
      cell: ({ request }) =>
        isRunning(request) ? 'now' : <time title={exactly(request.time)}>{clock(request.time)}</time>,
    },
    {
      key: 'outcome',
      label: 'Outcome',
      width: '7rem',
      from: 0,
      value: ({ state }) => state,
      cell: (row) => <Mark row={row} ms={tookOf(row)} />,
    },
    { key: 'why', label: 'Why', width: 'minmax(7rem, 1.2fr)', from: 640, optional: true, value: ({ error }) => error },
    {
      key: 'what',
      label: 'Method or tool',
      width: 'minmax(4.5rem, 1.4fr)',
      from: 0,
      value: ({ request: { method, target } }) => target ?? method,
      cell: ({ request: { method, target } }) =>
        target === undefined ? (
          method
        ) : (
          <>
            {target} <span class="hint">{method}</span>
          </>
        ),
    },
    { key: 'server', label: 'Server', width: 'minmax(6rem, 1fr)', from: 800, value: ({ request }) => request.upstream },
    { key: 'who', label: 'Who', width: 'minmax(6rem, 1fr)', from: 560, value: ({ request }) => request.principal },
    { key: 'session', label: 'Session', width: '7rem', value: ({ request }) => request.session ?? '' },
    {
      key: 'took',
      label: 'Took',
      width: '4rem',
      right: true,
      from: 0,
      value: tookOf,
      cell: (row) =>
        isRunning(row.request) ? age(tookOf(row)) : row.request.ms === undefined ? '–' : duration(row.request.ms),
    },
    {
      key: 'size',
      label: 'Answer',
      width: '4.5rem',
      right: true,
      from: 1000,
      optional: true,
      value: (row) => answerBytes(row) ?? '',
      cell: (row) => sizeText(answerBytes(row)),
    },
    {
      key: 'id',
      label: 'Id',
      width: '8rem',
      from: 1100,
      isId: true,
      value: ({ request }) => request.id ?? '',
    },
    {
      key: 'trace',
      label: 'Trace',
      width: '6rem',
      from: 1200,
      optional: true,
      isId: true,
      value: ({ request }) => request.trace ?? '',
      cell: ({ request: { trace = '' } }) => <span title={trace}>{trace.slice(0, 8)}</span>,
    },
  ];
}

/** Whose it is. A client without a session is known by its address, which others may have too, and listed as long as a request of it runs. */
function sessionFact(page: Page, request: Running | Recent): Readonly<Record<string, JSX.Element | string>> {
  const { session } = request;
  if (session === undefined) return {};
  const [label, id] = /[.:]/.test(session)
    ? ['Address', isRunning(request) ? request.clientKey : undefined]
    : ['Session', session];
  if (id === undefined) return { [label]: session };
  return {
    [label]: (
      <Link page={page} view="sessions" params={{ id }}>
        {session}
      </Link>
    ),
  };
}

function RequestDetail({ page, row }: { readonly page: Page; readonly row: Row }): JSX.Element {
  const [asking, setAsking] = useState(false);
  const { request, error } = row;
  const { id = '', method, target, upstream, principal, transport, era, trace } = request;
  const now = Date.now() + page.live!.state.clockSkewMs;
  const ended = isRunning(request) ? undefined : request;
  return (
    <Detail title={target ?? method} onClose={() => page.show({ id: undefined }, false)}>
      {ended === undefined && page.mayAct && (
        <div class="buttons">
          <button type="button" class="danger" onClick={() => setAsking(true)}>
            Cancel…
          </button>
        </div>
      )}
      <Facts
        facts={{
          Outcome: <Mark row={row} ms={isRunning(request) ? now - request.startedAt : 0} />,
          Why:
            error === '' ? undefined : error.startsWith('SWB_') ? <code>{error}</code> : `error ${error} of the server`,
          Method: method,
          Server: <ServerLink page={page} name={upstream} />,
          Who: principal,
          ...sessionFact(page, request),
          Protocol: [transport, era].filter(Boolean).join(', '),
          Began: isRunning(request) ? `${age(now - request.startedAt)} ago` : undefined,
          Ended: ended === undefined ? undefined : exactly(ended.time),
          Took: ended?.ms === undefined ? undefined : duration(ended.ms),
          Sizes: ended === undefined || ended.outcome === 'refused' ? undefined : sizesOf(ended),
          Trace:
            trace === undefined ? undefined : (
              <>
                <TraceLink template={page.live!.state.status?.traceUrl} trace={trace} />{' '}
                <Link page={page} view="requests" params={{ filter: `trace:${trace}` }}>
                  All of this trace
                </Link>
              </>
            ),
          Id:
            id === '' ? undefined : (
              <>
                <code>{id}</code> <CopyButton label="Copy the request’s id" text={() => id} />
              </>
            ),
        }}
      />
      {request.times !== undefined && (
        <Waterfall
          times={request.times}
          ms={isRunning(request) ? now - request.startedAt : (request.ms ?? 0)}
          isRunning={isRunning(request)}
          isCancelled={ended?.outcome === 'cancelled'}
          isForAll={upstream === '*'}
        />
      )}
      {id !== '' && <p class="hint">The id stands in the log, in the audit log and in traces too.</p>}
      {asking && (
        <Ask
          title={`Cancel the call of ${target ?? method}`}
          action="Cancel request"
          grave
          onClose={() => setAsking(false)}
          onDo={(form) => {
            const reason = typed(form, 'reason');
            const query = reason === '' ? {} : { reason };
            void page.act('cancel', { name: id, query }, `The call of ${target ?? method} was cancelled.`);
          }}
        >
          <p>
            {principal} called it at {upstream === '*' ? 'all servers as one' : upstream}
            {isRunning(request) && `, ${age(now - request.startedAt)} ago`}. The client gets the error SWB_CANCELLED,
            and the server is asked to stop.
          </p>
          <ReasonField />
        </Ask>
      )}
    </Detail>
  );
}

export function Requests({ page }: { readonly page: Page }): JSX.Element {
  const { state } = page.live!;
  const { id, filter = '', order = '-time', outcome = '' } = page.place.params;
  const columns = useMemo(() => columnsOf(() => Date.now() + state.clockSkewMs), [state]);
  const version = `${state.versions.requests} ${state.versions.recent} ${outcome}`;
  const all = useMemo((): readonly Row[] => {
    const running = [...state.requests.values()].map((request): Row => ({
      key: request.id,
      request,
      isRunning: true,
      state: request.state,
      error: '',
    }));
    const recent = state.recent.map((request): Row => ({
      key: keyOf(request),
      request,
      isRunning: false,
      state: request.outcome,
      error: request.error ?? '',
    }));
    // One that has just ended may be in both for a moment.
    const over = new Set(recent.map(({ key }) => key));
    return [...running.filter(({ key }) => !over.has(key)), ...recent];
  }, [state, version]);
  const passes = OUTCOMES[outcome]?.passes ?? (() => true);
  const rows = useMemo(() => all.filter((row) => passes(row)), [all, outcome]);
  const found = useMemo(() => filterRows(rows, columns, filter), [rows, columns, filter]);
  const row = id === undefined ? undefined : all.find(({ key }) => key === id);
  const isKnown = state.known.has('requests') && state.known.has('recent');
  const total = counted(rows.length, 'request');
  return (
    <div class={id === undefined ? 'split' : 'split open'}>
      <section class="list">
        <Filter
          page={page}
          example="add, who:ann, -ok"
          count={filter === '' ? total : `${count(found.length)} of ${total}`}
        >
          <div class="range" role="radiogroup" aria-label="Outcome">
            {Object.entries(OUTCOMES).map(([key, { label }]) => (
              <label key={key}>
                <input
                  type="radio"
                  name="outcome"
                  checked={outcome === key}
                  onChange={() => page.show({ outcome: key })}
                />
                {label}
              </label>
            ))}
          </div>
        </Filter>
        {state.skipped > 0 && (
          <p class="hint note-line">
            {counted(state.skipped, 'request')} left out: more ended than can be shown live. The overview counts all of
            them.
          </p>
        )}
        <Table
          label="Requests"
          columns={columns}
          rows={found}
          order={readOrder(order)}
          selected={id}
          idOf={(each) => each.key}
          onOrder={(next) => page.show({ order: writeOrder(next) })}
          onOpen={(each) => page.show({ id: each.key }, false)}
          empty={
            !isKnown
              ? 'Loading…'
              : all.length > 0
                ? 'No request matches.'
                : 'No request yet. What is called appears here, and the last thousand stay.'
          }
        />
      </section>
      {row !== undefined && <RequestDetail key={row.key} page={page} row={row} />}
      {id !== undefined && row === undefined && isKnown && (
        <Detail title="Not among the last thousand" onClose={() => page.show({ id: undefined }, false)}>
          <p>
            The request <code>{id}</code> is neither under way nor among the last thousand. The audit log, where it is
            on, has it under this id.
          </p>
        </Detail>
      )}
    </div>
  );
}
