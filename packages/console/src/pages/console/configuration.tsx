import type { JSX } from 'preact';
import { useMemo, useState } from 'preact/hooks';
import { ask, Refusal } from './api.ts';
import { Failed, useAsked } from './asked.tsx';
import { Blocks } from './configuration-blocks.tsx';
import { ChangeDialog } from './change-dialog.tsx';
import { ClientImport } from './client-import.tsx';
import { History } from './configuration-history.tsx';
import { Detail } from './detail.tsx';
import type { ConfigurationEdit, ConfigurationFile, Configuration as ConfigurationFacts, Option } from './facts.ts';
import { Filter } from './filter.tsx';
import { OptionDetail } from './option-detail.tsx';
import type { Page } from './page.ts';
import { filterRows, readOrder, writeOrder } from './rows.ts';
import { Table, type TableColumn } from './table.tsx';
import { count, counted } from './words.ts';

const COLUMNS: readonly TableColumn<Option>[] = [
  { key: 'option', label: 'Option', width: 'minmax(8rem, 1fr)', from: 0, value: ({ name }) => name },
  { key: 'value', label: 'Value', width: 'minmax(5rem, 1fr)', from: 0, value: ({ written }) => written },
  {
    key: 'origin',
    label: 'Origin',
    width: 'minmax(5rem, 1fr)',
    from: 0,
    value: ({ origin }) => origin,
    cell: ({ origin }) => (origin === 'default' ? <span class="nothing">default</span> : origin),
  },
  { key: 'meaning', label: 'Meaning', width: 'minmax(14rem, 2.5fr)', value: ({ describe }) => describe },
];
const NONE: readonly Option[] = [];

interface Found {
  readonly facts: ConfigurationFacts;
  /** Absent where there is none, or none that can be changed from here. */
  readonly file: ConfigurationFile | undefined;
  /** Why what is in the file is not known; absent where there is none. */
  readonly wrong?: string;
  /** Why it cannot be changed from here, where there is one. */
  readonly locked?: string;
}

async function configuration(): Promise<Found> {
  const [facts, file] = await Promise.all([
    ask<ConfigurationFacts>('configuration'),
    ask<ConfigurationFile>('configurationFile').catch((error: Error) => error),
  ]);
  if (!(file instanceof Error)) return { facts, file, ...(file.wrong !== undefined && { wrong: file.wrong }) };
  // That there is none is no fault.
  const isNone = file instanceof Refusal && file.status === 404;
  return { facts, file: undefined, ...(!isNone && { locked: file.message }) };
}

export function Configuration({ page }: { readonly page: Page }): JSX.Element {
  const { id, filter = '', order = '', all = '' } = page.place.params;
  const readAt = page.live?.state.changes.findLast(({ type }) => type === 'reloaded' || type === 'reload.failed')?.time;
  const asked = useAsked(page, 'configuration', configuration, readAt);
  const { facts, file, wrong, locked } = asked.answer ?? {};
  const [edit, setEdit] = useState<ConfigurationEdit>();
  const options = facts?.options ?? NONE;
  const given = useMemo(() => options.filter(({ origin }) => all !== '' || origin !== 'default'), [options, all]);
  const found = useMemo(() => filterRows(given, COLUMNS, filter), [given, filter]);
  const option = options.find(({ name }) => name === id);
  const waiting = file?.restartNeeded ?? [];
  const total = counted(given.length, 'option');
  return (
    <div class={id === undefined ? 'split' : 'split open'}>
      <section class="list">
        <Filter
          page={page}
          example="port, origin:file"
          count={filter === '' ? total : `${count(found.length)} of ${total}`}
        >
          <div class="range" role="radiogroup" aria-label="Which options">
            {[
              ['', 'Set'],
              ['yes', 'All'],
            ].map(([key, label]) => (
              <label key={key}>
                <input type="radio" name="all" checked={all === key} onChange={() => page.show({ all: key })} />
                {label}
              </label>
            ))}
          </div>
        </Filter>
        {waiting.length > 0 && (
          <p class="note-line">Changed in the file, and in effect from the next start on: {waiting.join(', ')}</p>
        )}
        {wrong !== undefined && (
          <p class="banner bad" role="alert">
            The configuration file cannot be read as it is now, so what was read before holds. {wrong}
          </p>
        )}
        <Failed asked={asked} />
        <Table
          label="Options"
          columns={COLUMNS}
          rows={found}
          order={readOrder(order)}
          selected={id}
          idOf={({ name }) => name}
          onOrder={(next) => page.show({ order: writeOrder(next) })}
          onOpen={({ name }) => page.show({ id: name }, false)}
          empty={
            facts === undefined
              ? asked.wrong === undefined
                ? 'Loading…'
                : ''
              : options.length > 0 && given.length === 0
                ? 'Every option has its default. Choose All to see them.'
                : 'No option matches the filter.'
          }
        />
        {facts !== undefined && <Blocks page={page} facts={facts} file={file} onEdit={setEdit} />}
        {facts !== undefined && <ClientImport page={page} file={file} locked={locked} onEdit={setEdit} />}
        <History page={page} file={file} />
      </section>
      {edit !== undefined && <ChangeDialog page={page} edit={edit} onClose={() => setEdit(undefined)} />}
      {option !== undefined && (
        <OptionDetail key={option.name} page={page} option={option} file={file} locked={locked} onEdit={setEdit} />
      )}
      {id !== undefined && option === undefined && facts !== undefined && (
        <Detail title="No such option" onClose={() => page.show({ id: undefined }, false)}>
          <p>
            There is no option <code>{id}</code>.
          </p>
        </Detail>
      )}
    </div>
  );
}
