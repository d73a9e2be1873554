import type { JSX } from 'preact';
import { useMemo, useState } from 'preact/hooks';
import { ask } from './api.ts';
import { Failed, useAsked } from './asked.tsx';
import { Blocks } from './configuration-blocks.tsx';
import { ChangeDialog } from './change-dialog.tsx';
import { ClientImport } from './client-import.tsx';
import { History } from './configuration-history.tsx';
import type { ConfigurationEdit, ConfigurationFile, Configuration as ConfigurationFacts, Option } from './facts.ts';
import { Filter } from './filter.tsx';
import { OptionDetail } from './option-detail.tsx';
import type { Page } from './page.ts';
import { filterRows, readOrder, writeOrder } from './rows.ts';
import { Table, type TableColumn } from './table.tsx';
import { count, counted } from './words.ts';
import { valueText } from './option-value.ts';

const COLUMNS: readonly TableColumn<Option>[] = [
  { key: 'option', label: 'Option', width: 'minmax(8rem, 1fr)', from: 0, value: ({ name }) => name },
  { key: 'value', label: 'Value', width: 'minmax(5rem, 1fr)', from: 0, value: valueText },
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
  /** Absent where the file cannot be changed from here. */
  readonly file: ConfigurationFile | undefined;
}

async function configuration(): Promise<Found> {
  const file = ask<ConfigurationFile>('configurationFile').catch(() => undefined);
  return { facts: await ask<ConfigurationFacts>('configuration'), file: await file };
}

/** What operators have changed in the file since the start, as far as it was not taken back. */
const changedHere = (file: ConfigurationFile | undefined): string[] => [
  ...new Set(
    (file?.revisions ?? []).flatMap(({ undone, differences }) => (undone ? [] : differences.map(({ what }) => what))),
  ),
];

export function Configuration({ page }: { readonly page: Page }): JSX.Element {
  const { id, filter = '', order = '', all = '' } = page.place.params;
  const reloadedAt = page.live?.state.changes.findLast(({ type }) => type === 'reloaded')?.time;
  const asked = useAsked(page, 'configuration', configuration, reloadedAt);
  const { facts, file } = asked.answer ?? {};
  const [edit, setEdit] = useState<ConfigurationEdit>();
  const options = facts?.options ?? NONE;
  const given = useMemo(() => options.filter(({ origin }) => all !== '' || origin !== 'default'), [options, all]);
  const found = useMemo(() => filterRows(given, COLUMNS, filter), [given, filter]);
  const option = options.find(({ name }) => name === id);
  const waiting = changedHere(file).filter((name) => options.some((each) => each.name === name));
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
        {facts !== undefined && <ClientImport page={page} file={file} onEdit={setEdit} />}
        <History page={page} file={file} />
      </section>
      {edit !== undefined && <ChangeDialog page={page} edit={edit} onClose={() => setEdit(undefined)} />}
      {option !== undefined && (
        <OptionDetail key={option.name} page={page} option={option} file={file} onEdit={setEdit} />
      )}
    </div>
  );
}
