import type { JSX } from 'preact';
import { useMemo } from 'preact/hooks';
import { ApiKeys, KeysOf } from './api-keys.tsx';
import { Detail, Facts } from './detail.tsx';
import type { Person } from './facts.ts';
import { Filter } from './filter.tsx';
import { Link } from './link.tsx';
import { Lockouts } from './lockouts.tsx';
import type { Page } from './page.ts';
import { columnIs, filterRows, readOrder, writeOrder } from './rows.ts';
import { Table, type TableColumn } from './table.tsx';
import { Tabs } from './tabs.tsx';
import { age, count, counted, duration, exactly, left, size } from './words.ts';

const KNOWN_BY: Readonly<Record<string, string>> = {
  'api key': 'API key',
  jwt: 'OAuth token',
  token: 'the owner’s token',
  nothing: 'no credential',
};

/** What is left of a rate, as a share of it; more than all where there is no limit. */
const shareLeft = ({ quotas }: Person): number =>
  quotas?.rate === undefined ? 2 : quotas.rate.remaining / quotas.rate.burst;

const columnsOf = (now: () => number): readonly TableColumn<Person>[] => [
  { key: 'who', label: 'Who', width: 'minmax(7rem, 1.2fr)', from: 0, value: ({ principal }) => principal },
  {
    key: 'roles',
    label: 'Roles',
    width: 'minmax(6rem, 1fr)',
    from: 0,
    value: ({ effective }) => effective.join(', '),
    cell: ({ effective, roles }) =>
      effective.length > 0 ? (
        effective.join(', ')
      ) : (
        <span class="nothing">{roles.length > 0 ? `none counts of ${roles.join(', ')}` : 'none'}</span>
      ),
  },
  { key: 'servers', label: 'Servers', width: 'minmax(6rem, 1fr)', value: ({ upstreams }) => upstreams.join(', ') },
  {
    key: 'sessions',
    label: 'Sessions',
    width: '4.5rem',
    right: true,
    from: 0,
    value: ({ sessions }) => sessions,
    cell: ({ sessions }) => count(sessions),
  },
  { key: 'running', label: 'Running', width: '4.5rem', right: true, from: 560, value: ({ inFlight }) => inFlight },
  {
    key: 'left',
    label: 'Rate left',
    width: '7.5rem',
    right: true,
    from: 560,
    value: shareLeft,
    cell: (person) => {
      const rate = person.quotas?.rate;
      if (rate === undefined) return <span class="nothing">no limit</span>;
      return <span class={shareLeft(person) < 0.2 ? 'bad' : undefined}>{left(rate.remaining, rate.burst)}</span>;
    },
  },
  { key: 'keys', label: 'Keys', width: '3.5rem', right: true, value: ({ keys }) => keys },
  {
    key: 'quiet',
    label: 'Quiet',
    width: '4.5rem',
    right: true,
    value: ({ lastActivity }) => -(lastActivity ?? 0),
    cell: ({ lastActivity }) =>
      lastActivity === undefined ? (
        <span class="nothing">away</span>
      ) : (
        <span title={exactly(lastActivity)}>{age(now() - lastActivity)}</span>
      ),
  },
];

function PersonDetail({ page, person }: { readonly page: Page; readonly person: Person }): JSX.Element {
  const { principal, roles, effective, upstreams, via, sessions, inFlight, quotas } = person;
  const { rate, running, maxSessions, maxMessageBytes } = quotas ?? {};
  const ignored = roles.filter((role) => !effective.includes(role));
  return (
    <Detail title={principal} onClose={() => page.show({ id: undefined }, false)}>
      <Facts
        facts={{
          'Known by': via.map((each) => (Object.hasOwn(KNOWN_BY, each) ? KNOWN_BY[each] : each)).join(', '),
          Roles: effective.join(', ') || 'none',
          'Without effect': ignored.length === 0 ? undefined : `${ignored.join(', ')}: not in the configuration`,
          Servers: upstreams.length === 0 ? 'none: no role gives access to one' : upstreams.join(', '),
          Tools: (
            <Link page={page} view="tools" params={{ principal }}>
              as {principal} sees them, and why some are hidden
            </Link>
          ),
          Sessions: (
            <>
              {count(sessions)}
              {maxSessions !== undefined && ` of ${count(maxSessions)}`} ·{' '}
              <Link page={page} view="sessions" params={{ filter: columnIs('who', principal) }}>
                look at them
              </Link>
            </>
          ),
          'Under way':
            running?.max === undefined ? count(inFlight) : `${count(running.now)} of ${count(running.max)} at a time`,
          Rate:
            quotas === undefined
              ? 'counted for each client by itself'
              : rate === undefined
                ? 'no limit'
                : `${count(rate.remaining)} of ${count(rate.burst)} left, ${count(rate.perMinute)} a minute`,
          'All again in': rate === undefined || rate.resetMs === 0 ? undefined : duration(rate.resetMs),
          'Largest message': maxMessageBytes === undefined ? undefined : size(maxMessageBytes),
          Audit: page.mayAudit ? (
            <Link page={page} view="audit" params={{ principal }}>
              what {principal} did
            </Link>
          ) : undefined,
        }}
      />
      {principal !== 'anonymous' && <KeysOf page={page} principal={principal} />}
    </Detail>
  );
}

function Principals({ page }: { readonly page: Page }): JSX.Element {
  const { state } = page.live!;
  const { id, filter = '', order = 'who' } = page.place.params;
  const columns = useMemo(() => columnsOf(() => Date.now() + state.clockSkewMs), [state]);
  const version = state.versions.people;
  const rows = useMemo(() => [...state.people.values()], [state, version]);
  const found = useMemo(() => filterRows(rows, columns, filter), [rows, columns, filter]);
  const total = counted(rows.length, 'person').replace('persons', 'people');
  return (
    <>
      <Filter
        page={page}
        example="ann, roles:reader"
        count={filter === '' ? total : `${count(found.length)} of ${total}`}
      />
      <Table
        label="People"
        columns={columns}
        rows={found}
        order={readOrder(order)}
        selected={id}
        idOf={({ principal }) => principal}
        onOrder={(next) => page.show({ order: writeOrder(next) })}
        onOpen={({ principal }) => page.show({ id: principal }, false)}
        empty={
          !state.known.has('people')
            ? 'Loading…'
            : rows.length > 0
              ? 'Nobody matches the filter.'
              : 'Nobody is connected, and there is no key. Make one under Keys, or with switchboard keys create.'
        }
      />
    </>
  );
}

const SHOWN = { people: Principals, keys: ApiKeys, lockouts: Lockouts } as const;

export function People({ page }: { readonly page: Page }): JSX.Element {
  const { state } = page.live!;
  const { id, show = 'people' } = page.place.params;
  const Shown = Object.hasOwn(SHOWN, show) ? SHOWN[show as keyof typeof SHOWN] : Principals;
  const person = show === 'people' && id !== undefined ? state.people.get(id) : undefined;
  const locked = state.lockouts.length;
  return (
    <div class={person === undefined ? 'split' : 'split open'}>
      <section class="list">
        <div class="tabs">
          <Tabs
            label="What is shown"
            name="show"
            value={show}
            choices={[
              ['people', 'People'],
              ['keys', 'Keys'],
              ['lockouts', locked === 0 ? 'Wrong credentials' : `Wrong credentials (${locked})`],
            ]}
            onChoose={(next) =>
              page.show(
                { show: next === 'people' ? undefined : next, id: undefined, order: undefined, filter: undefined },
                false,
              )
            }
          />
        </div>
        <Shown page={page} />
      </section>
      {person !== undefined && <PersonDetail key={person.principal} page={page} person={person} />}
    </div>
  );
}
