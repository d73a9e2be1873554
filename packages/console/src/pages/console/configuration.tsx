import type { JSX } from 'preact';
import { useEffect, useMemo, useState } from 'preact/hooks';
import { ask } from './api.ts';
import { Detail, Facts } from './detail.tsx';
import type { Configuration as ConfigurationFacts, Option } from './facts.ts';
import { Filter } from './filter.tsx';
import { Link } from './link.tsx';
import type { Page } from './page.ts';
import { filterRows, readOrder, writeOrder } from './rows.ts';
import { Table, type TableColumn } from './table.tsx';
import { count, counted, duration, size } from './words.ts';

/** A value as people write it. */
export function valueText({ value, unit }: Pick<Option, 'value' | 'unit'>): string {
  if (typeof value === 'number' && unit !== undefined) return unit === 'ms' ? duration(value) : size(value);
  if (typeof value === 'boolean') return value ? 'on' : 'off';
  return typeof value === 'object' ? value.join(', ') : String(value);
}

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

/** Asked again after a reload. */
function useConfiguration(page: Page): { facts: ConfigurationFacts | undefined; wrong: string | undefined } {
  const [found, setFound] = useState<{ facts?: ConfigurationFacts; wrong?: string }>({});
  const reloadedAt = page.live?.state.changes.findLast(({ type }) => type === 'reloaded')?.time;
  useEffect(() => {
    let over = false;
    ask<ConfigurationFacts>('configuration').then(
      (facts) => over || setFound({ facts }),
      (error: Error) => over || setFound((before) => ({ ...before, wrong: error.message })),
    );
    return () => {
      over = true;
    };
  }, [reloadedAt]);
  return { facts: found.facts, wrong: found.wrong };
}

function OptionDetail({ page, option }: { readonly page: Page; readonly option: Option }): JSX.Element {
  const kebab = option.name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
  const variable = `SWITCHBOARD_${option.name.replace(/[A-Z]/g, (letter) => `_${letter}`).toUpperCase()}`;
  return (
    <Detail title={option.name} onClose={() => page.show({ id: undefined }, false)}>
      <p>{option.describe}.</p>
      <Facts
        facts={{
          Value: <code>{valueText(option)}</code>,
          Default: <code>{String(option.default)}</code>,
          Origin: option.origin,
          'In the file': <code>{option.name}</code>,
          Variable: <code>{variable}</code>,
          Flag: option.secret === true ? 'none, as others can read flags' : <code>{`--${kebab}`}</code>,
        }}
      />
      <p class="hint">
        A flag counts more than the variable, and that more than the file. Options take effect at the next start.
      </p>
    </Detail>
  );
}

export function Configuration({ page }: { readonly page: Page }): JSX.Element {
  const { id, filter = '', order = '', all = '' } = page.place.params;
  const { facts, wrong } = useConfiguration(page);
  const options = facts?.options ?? NONE;
  const given = useMemo(() => options.filter(({ origin }) => all !== '' || origin !== 'default'), [options, all]);
  const found = useMemo(() => filterRows(given, COLUMNS, filter), [given, filter]);
  const option = options.find(({ name }) => name === id);
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
        {wrong !== undefined && (
          <p class="banner bad" role="alert">
            {wrong}
          </p>
        )}
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
              ? 'Loading…'
              : options.length > 0 && given.length === 0
                ? 'Every option has its default. Choose All to see them.'
                : 'No option matches the filter.'
          }
        />
        {facts !== undefined && (
          <details class="blocks">
            <summary>
              {counted(facts.upstreams.length, 'server')}, {counted(Object.keys(facts.roles).length, 'role')}
            </summary>
            <div class="scrolls" tabIndex={0} role="region" aria-label="Servers and roles">
              <table class="plain">
                <thead>
                  <tr>
                    <th>Server</th>
                    <th>Kind</th>
                    <th>Where</th>
                    <th>Isolation</th>
                    <th>Rules for tools</th>
                  </tr>
                </thead>
                <tbody>
                  {facts.upstreams.map(({ name, kind, at = '', isolation, tools }) => (
                    <tr key={name}>
                      <td>
                        <Link page={page} view="servers" params={{ id: name }}>
                          {name}
                        </Link>
                      </td>
                      <td>{kind}</td>
                      <td>{at}</td>
                      <td>{isolation}</td>
                      <td>{tools === undefined ? '' : <code>{JSON.stringify(tools)}</code>}</td>
                    </tr>
                  ))}
                  {Object.entries(facts.roles).map(([name, rules]) => (
                    <tr key={`role ${name}`}>
                      <td>{name}</td>
                      <td>role</td>
                      <td colSpan={3} class="wraps">
                        <code>{JSON.stringify(rules)}</code>
                      </td>
                    </tr>
                  ))}
                </tbody>
              </table>
            </div>
          </details>
        )}
      </section>
      {option !== undefined && <OptionDetail key={option.name} page={page} option={option} />}
    </div>
  );
}
