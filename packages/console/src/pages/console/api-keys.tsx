import type { JSX } from 'preact';
import { useState } from 'preact/hooks';
import { ask } from './api.ts';
import { Ask } from './ask.tsx';
import { Failed, useAsked, type Asked } from './asked.tsx';
import type { ApiKey } from './facts.ts';
import { Filter } from './filter.tsx';
import { NewKey } from './new-key.tsx';
import type { Page } from './page.ts';
import { filterRows, readOrder, writeOrder } from './rows.ts';
import { StateMark } from './state-mark.tsx';
import { Table, type TableColumn } from './table.tsx';
import { count, counted, exactly } from './words.ts';

const dateOf = (text: string | undefined): string => (text === undefined ? 'never' : exactly(Date.parse(text)));

const COLUMNS: readonly TableColumn<ApiKey>[] = [
  { key: 'principal', label: 'Who', width: 'minmax(6rem, 1fr)', from: 0, value: ({ principal }) => principal },
  { key: 'label', label: 'What for', width: 'minmax(6rem, 1.2fr)', from: 560, value: ({ label = '' }) => label },
  { key: 'roles', label: 'Roles', width: 'minmax(6rem, 1fr)', from: 560, value: ({ roles }) => roles.join(', ') },
  {
    key: 'state',
    label: 'State',
    width: '6rem',
    from: 0,
    value: ({ state }) => state,
    cell: ({ state }) => <StateMark state={state} />,
  },
  {
    key: 'made',
    label: 'Made',
    width: '11.5rem',
    value: ({ createdAt }) => createdAt,
    cell: (key) => dateOf(key.createdAt),
  },
  {
    key: 'ends',
    label: 'Ends',
    width: '11.5rem',
    value: ({ expiresAt = '' }) => expiresAt,
    cell: (key) => dateOf(key.revokedAt ?? key.expiresAt),
  },
  { key: 'id', label: 'Id', width: '8rem', from: 0, value: ({ id }) => id, cell: ({ id }) => <code>{id}</code> },
];

/** The keys, asked again when one was made or revoked: by an operator, which is a change, or in the keys file, so that somebody has more or less. */
function useKeys(page: Page): Asked<readonly ApiKey[]> {
  const { changes, people } = page.live!.state;
  const changedAt = changes.findLast(({ action = '' }) => action.includes(' /keys'))?.time;
  const counts = [...people.values()].flatMap(({ principal, keys }) => (keys === 0 ? [] : [`${keys} of ${principal}`]));
  return useAsked(page, 'keys', () => ask<readonly ApiKey[]>('keys'), JSON.stringify([changedAt, counts.sort()]));
}

function Revoke({
  page,
  apiKey,
  onClose,
}: {
  readonly page: Page;
  readonly apiKey: ApiKey;
  onClose(): void;
}): JSX.Element {
  const { id, principal, label } = apiKey;
  return (
    <Ask
      title={`Revoke a key of ${principal}`}
      action="Revoke"
      grave
      onClose={onClose}
      onDo={() => void page.act('revokeKey', { name: id }, `The key ${id} of ${principal} was revoked.`)}
    >
      <p>
        The key <code>{id}</code>
        {label !== undefined && `, ${label},`} opens nothing any more, and the sessions that were opened with it end.
        This cannot be undone.
      </p>
    </Ask>
  );
}

export function ApiKeys({ page }: { readonly page: Page }): JSX.Element {
  const { filter = '', order = '-made' } = page.place.params;
  const asked = useKeys(page);
  const { answer: keys, wrong } = asked;
  const [making, setMaking] = useState(false);
  const [revoked, setRevoked] = useState<ApiKey>();
  const rows = keys ?? [];
  const found = filterRows(rows, COLUMNS, filter);
  const total = counted(rows.length, 'key');
  return (
    <>
      {wrong === undefined && (
        <Filter
          page={page}
          example="ann, state:good"
          count={filter === '' ? total : `${count(found.length)} of ${total}`}
        >
          {page.mayAct && (
            <button type="button" onClick={() => setMaking(true)}>
              Make a key…
            </button>
          )}
        </Filter>
      )}
      {wrong === undefined ? (
        <Table
          label="Keys"
          columns={COLUMNS}
          rows={found}
          order={readOrder(order)}
          idOf={({ id }) => id}
          onOrder={(next) => page.show({ order: writeOrder(next) })}
          {...(page.mayAct && { onOpen: (key: ApiKey) => key.state === 'good' && setRevoked(key) })}
          empty={
            keys === undefined ? 'Loading…' : rows.length > 0 ? 'No key matches the filter.' : 'There is no key yet.'
          }
        />
      ) : (
        <Failed asked={asked} />
      )}
      {making && <NewKey page={page} onClose={() => setMaking(false)} />}
      {revoked !== undefined && <Revoke page={page} apiKey={revoked} onClose={() => setRevoked(undefined)} />}
    </>
  );
}

/** Those of one person. */
export function KeysOf({ page, principal }: { readonly page: Page; readonly principal: string }): JSX.Element | null {
  const { answer: keys, wrong } = useKeys(page);
  const [making, setMaking] = useState(false);
  const [revoked, setRevoked] = useState<ApiKey>();
  if (wrong !== undefined || keys === undefined) {
    return (
      <>
        <h3>Keys</h3>
        <p class="hint">{wrong ?? 'Loading…'}</p>
      </>
    );
  }
  const own = keys.filter((key) => key.principal === principal);
  return (
    <>
      <h3>Keys</h3>
      {own.length === 0 && <p class="hint">None.</p>}
      <ul class="key-list">
        {own.map((key) => (
          <li key={key.id}>
            <code>{key.id}</code>
            <StateMark state={key.state} />
            <span class="hint">{[key.label, key.roles.join(', ')].filter(Boolean).join(' · ')}</span>
            {page.mayAct && key.state === 'good' && (
              <button type="button" class="danger" onClick={() => setRevoked(key)}>
                Revoke…
              </button>
            )}
          </li>
        ))}
      </ul>
      {page.mayAct && (
        <div class="buttons">
          <button type="button" onClick={() => setMaking(true)}>
            Make a key…
          </button>
        </div>
      )}
      {making && <NewKey page={page} principal={principal} onClose={() => setMaking(false)} />}
      {revoked !== undefined && <Revoke page={page} apiKey={revoked} onClose={() => setRevoked(undefined)} />}
    </>
  );
}
