import type { JSX } from 'preact';
import { typed } from '../common/form-text.ts';
import type { Page } from './page.ts';

const TEXTS = [
  ['principal', 'Who'],
  ['client', 'Client'],
  ['tool', 'Tool or action'],
  ['upstream', 'Server'],
] as const;

/** Values with their words; the first stands for all. */
const CHOICES = {
  outcome: [
    ['', 'Any outcome'],
    ['ok', 'Ok'],
    ['isError', 'Tool error'],
    ['error', 'Error'],
    ['cancelled', 'Cancelled'],
    ['refused', 'Refused'],
  ],
  type: [
    ['', 'Everything'],
    ['request.ended', 'Requests'],
    ['request.refused', 'Refused requests'],
    ['connection.refused', 'Refused connections'],
    ['session.opened', 'Sessions that began'],
    ['tools.changed', 'Tools that changed'],
    ['operator.acted', 'What operators did'],
  ],
  since: [
    ['', 'At any time'],
    ['1h', 'In the last hour'],
    ['24h', 'In the last day'],
    ['7d', 'In the last week'],
  ],
} as const;
const LABELS: Readonly<Record<keyof typeof CHOICES, string>> = { outcome: 'Outcome', type: 'Kind', since: 'Since' };

/** What is searched for. It stands in the address once it is searched. */
export function AuditFilter({ page, onSearch }: { readonly page: Page; onSearch(): void }): JSX.Element {
  const { params } = page.place;
  const submit = (event: SubmitEvent): void => {
    event.preventDefault();
    const form = event.currentTarget as HTMLFormElement;
    const names = [...TEXTS.map(([name]) => name), ...Object.keys(CHOICES)];
    page.show({ ...Object.fromEntries(names.map((name) => [name, typed(form, name)])), id: undefined }, false);
    onSearch();
  };
  return (
    <form class="filter audit-filter" role="search" onSubmit={submit}>
      {TEXTS.map(([name, label]) => (
        <input
          key={name}
          name={name}
          type="search"
          aria-label={label}
          placeholder={label}
          defaultValue={params[name] ?? ''}
        />
      ))}
      {Object.entries(CHOICES).map(([name, choices]) => (
        <select
          key={name}
          name={name}
          aria-label={LABELS[name as keyof typeof CHOICES]}
          defaultValue={params[name] ?? ''}
          onChange={({ currentTarget }) => currentTarget.form?.requestSubmit()}
        >
          {choices.map(([value, words]) => (
            <option key={value} value={value} selected={value === (params[name] ?? '')}>
              {words}
            </option>
          ))}
        </select>
      ))}
      <button type="submit">Search</button>
    </form>
  );
}
