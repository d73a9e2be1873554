import type { JSX } from 'preact';
import { useMemo, useState } from 'preact/hooks';
import { addressOf, ask } from './api.ts';
import { Failed, useAsked, type Asked } from './asked.tsx';
import { AUDIT_PARAMS, AuditFilter } from './audit-filter.tsx';
import {
  clientOf,
  extentOf,
  factsOf,
  idsOf,
  outcomeOf,
  serverOf,
  timeOf,
  typeOf,
  whatOf,
  whoOf,
  whyOf,
} from './audit-line.ts';
import { Detail, Facts } from './detail.tsx';
import type { AuditLine, AuditPage } from './facts.ts';
import type { Page } from './page.ts';
import { readOrder, writeOrder } from './rows.ts';
import { StateMark } from './state-mark.tsx';
import { Table, type TableColumn } from './table.tsx';
import { clock, exactly } from './words.ts';

interface Row {
  readonly id: string;
  /** Its place in what was found. */
  readonly nth: number;
  readonly line: AuditLine;
}

const COLUMNS: readonly TableColumn<Row>[] = [
  {
    key: 'time',
    label: 'Time',
    width: '5.5rem',
    from: 0,
    value: ({ nth, line }) => timeOf(line) - nth / 1e6,
    cell: ({ line }) => <time title={exactly(timeOf(line))}>{shortly(timeOf(line))}</time>,
  },
  { key: 'who', label: 'Who', width: 'minmax(4rem, 1fr)', from: 0, value: ({ line }) => whoOf(line) },
  { key: 'client', label: 'Client', width: 'minmax(6rem, 1fr)', value: ({ line }) => clientOf(line) },
  { key: 'what', label: 'What', width: 'minmax(5rem, 2fr)', from: 0, value: ({ line }) => whatOf(line) },
  { key: 'server', label: 'Server', width: 'minmax(4rem, 0.7fr)', value: ({ line }) => serverOf(line) },
  {
    key: 'outcome',
    label: 'Outcome',
    width: '5.75rem',
    from: 0,
    value: ({ line }) => outcomeOf(line),
    cell: ({ line }) => (outcomeOf(line) === '' ? '' : <StateMark state={outcomeOf(line)} />),
  },
  { key: 'why', label: 'Why', width: 'minmax(6rem, 1fr)', value: ({ line }) => whyOf(line) },
  { key: 'type', label: 'Kind', width: '10rem', value: ({ line }) => typeOf(line) },
];

/** The time of a line of today, the day of another. */
function shortly(time: number): string {
  const [day, today] = [new Date(time), new Date()];
  if (day.toDateString() === today.toDateString()) return clock(time);
  return day.toLocaleDateString('en-GB', { day: 'numeric', month: 'short', year: '2-digit' });
}

function LineDetail({ page, line }: { readonly page: Page; readonly line: AuditLine }): JSX.Element {
  const contents = ['params', 'result', 'error'].filter((name) => typeof line[name] === 'object');
  return (
    <Detail title={whatOf(line) || typeOf(line)} onClose={() => page.show({ id: undefined }, false)}>
      <Facts
        facts={{
          Time: exactly(timeOf(line)),
          Kind: typeOf(line),
          Outcome: outcomeOf(line) === '' ? undefined : <StateMark state={outcomeOf(line)} />,
          Why: whyOf(line),
          ...factsOf(line),
        }}
      />
      {contents.map((name) => (
        <details key={name} open>
          <summary>{name}</summary>
          <pre tabIndex={0}>
            <code>{JSON.stringify(line[name], undefined, 2)}</code>
          </pre>
        </details>
      ))}
    </Detail>
  );
}

interface Found {
  /** When it was searched. */
  readonly at: number;
  readonly lines: readonly AuditLine[];
  readonly before?: number | undefined;
  readonly searchedBytes: number;
  readonly redacted: readonly string[];
  /** The search, and how often it was made. */
  readonly of: string;
}

/** The lines of the search in the address, and older ones when they are asked for. */
function useAudit(
  page: Page,
  query: Readonly<Record<string, string>>,
  round: number,
): { asked: Asked<Found>; found: Found | undefined; older(): void } {
  const of = JSON.stringify([query, round]);
  const search = async (before?: number): Promise<Found> => {
    const more = before === undefined ? query : { ...query, before: String(before) };
    return { ...(await ask<AuditPage>('audit', { query: more })), of, at: Date.now() };
  };
  const asked = useAsked(page, of, () => search());
  const [more, setMore] = useState<Found>();
  const first = asked.answer?.of === of ? asked.answer : undefined;
  // Older lines are those of this very search.
  const found = first !== undefined && more?.at === first.at ? more : first;
  const older = (): void => {
    search(found?.before ?? 0).then(
      ({ lines, before, searchedBytes, redacted }) =>
        setMore({
          ...found!,
          lines: [...found!.lines, ...lines],
          before,
          searchedBytes: found!.searchedBytes + searchedBytes,
          redacted,
        }),
      (error: Error) => page.isOver(error) || page.notify('bad', error.message),
    );
  };
  return { asked, found, older };
}

export function Audit({ page }: { readonly page: Page }): JSX.Element {
  const { params } = page.place;
  const [again, setAgain] = useState(0);
  const query = Object.fromEntries(AUDIT_PARAMS.flatMap((name) => (params[name] ? [[name, params[name]]] : [])));
  const { asked, found, older } = useAudit(page, query, again);
  const lines = found?.lines;
  const rows = useMemo((): readonly Row[] => {
    const ids = idsOf(lines ?? []);
    return (lines ?? []).map((line, nth) => ({ id: ids[nth]!, nth, line }));
  }, [lines]);
  const shown = rows.find(({ id }) => id === params['id']);
  const isMissing = params['id'] !== undefined && shown === undefined && found !== undefined;
  const exported = (format: string): string => addressOf('exportAudit', { query: { ...query, format } });
  return (
    <div class={params['id'] === undefined ? 'split' : 'split open'}>
      <section class="list">
        <AuditFilter page={page} onSearch={() => setAgain(again + 1)} />
        <Failed asked={asked} />
        {found?.redacted.map((sentence) => (
          <p key={sentence} class="note-line calm">
            {sentence}
          </p>
        ))}
        {asked.wrong === undefined && (
          <>
            <Table
              label="Audit log"
              columns={COLUMNS}
              rows={rows}
              order={readOrder(params['order'] ?? '-time')}
              selected={params['id']}
              idOf={({ id }) => id}
              onOrder={(next) => page.show({ order: writeOrder(next) })}
              onOpen={({ id }) => page.show({ id }, false)}
              empty={found === undefined ? 'Searching…' : extentOf(found)}
            />
            <footer class="table-foot">
              {found !== undefined && rows.length > 0 && (
                <span class="hint">
                  {extentOf(found)}, as of {clock(found.at)}
                </span>
              )}
              {found?.before !== undefined && (
                <button type="button" onClick={older}>
                  Older ones
                </button>
              )}
              <span class="export">
                Export all that fit:{' '}
                <a href={exported('ndjson')} download="audit.ndjson">
                  NDJSON
                </a>{' '}
                <a href={exported('csv')} download="audit.csv">
                  CSV
                </a>
              </span>
            </footer>
          </>
        )}
      </section>
      {shown !== undefined && <LineDetail key={shown.id} page={page} line={shown.line} />}
      {isMissing && (
        <Detail title="Not among these lines" onClose={() => page.show({ id: undefined }, false)}>
          <p>The line that this address names is older than what was read, or does not fit this search.</p>
        </Detail>
      )}
    </div>
  );
}
