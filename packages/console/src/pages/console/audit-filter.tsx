import type { JSX } from 'preact';
import { useEffect, useMemo, useState } from 'preact/hooks';
import { addressTime, localTime, spanOf } from './audit-times.ts';
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
} as const;
const LABELS: Readonly<Record<keyof typeof CHOICES, string>> = { outcome: 'Outcome', type: 'Kind' };

/** Spans that end now. */
const SPANS: readonly (readonly [string, string])[] = [
  ['', 'At any time'],
  ['1h', 'In the last hour'],
  ['24h', 'In the last day'],
  ['7d', 'In the last week'],
];

/** The parameters of a search that stand in the address. */
export const AUDIT_PARAMS = ['principal', 'client', 'tool', 'upstream', 'type', 'outcome', 'since', 'until'] as const;

type Values = Readonly<Record<string, string>>;

/** Choices, and what the address holds where that is none of them. */
const withGiven = (
  choices: readonly (readonly [string, string])[],
  value: string,
  words = value,
): readonly (readonly [string, string])[] =>
  choices.some(([each]) => each === value) ? choices : [...choices, [value, words]];

interface ChoiceProps {
  readonly label: string;
  readonly value: string;
  readonly choices: readonly (readonly [string, string])[];
  onChoose(value: string): void;
}

const Choice = ({ label, value, choices, onChoose }: ChoiceProps): JSX.Element => (
  <select aria-label={label} value={value} onChange={({ currentTarget }) => onChoose(currentTarget.value)}>
    {choices.map(([each, words]) => (
      <option key={each} value={each}>
        {words}
      </option>
    ))}
  </select>
);

/** What is searched for. It stands in the address once it is searched, and the form shows what stands there. */
export function AuditFilter({ page, onSearch }: { readonly page: Page; onSearch(): void }): JSX.Element {
  const { params } = page.place;
  const given = JSON.stringify(AUDIT_PARAMS.map((name) => params[name] ?? ''));
  /** What was typed or chosen since. */
  const [draft, setDraft] = useState<Values>({});
  useEffect(() => setDraft({}), [given]);
  const times = useMemo(
    (): Values => ({
      since: localTime(params['since'] ?? '', Date.now()),
      until: localTime(params['until'] ?? '', Date.now()),
    }),
    [given],
  );
  const valueOf = (name: string): string => draft[name] ?? times[name] ?? params[name] ?? '';
  const span = draft['span'] ?? spanOf(params);

  const search = (chosen: Values): void => {
    const { span: spanNow = span, ...values }: Values = { ...draft, ...chosen };
    // A time that nobody has changed stays as the address has it, which may be to the millisecond.
    const timeOf = (name: string): string => {
      const local = values[name];
      return local === undefined || local === times[name] ? (params[name] ?? '') : addressTime(local);
    };
    const isExact = spanNow === 'exact';
    const texts = Object.entries(values).map(([name, text]) => [name, text.trim()]);
    page.show(
      {
        ...Object.fromEntries(texts),
        since: isExact ? timeOf('since') : spanNow,
        until: isExact ? timeOf('until') : '',
        id: undefined,
      },
      false,
    );
    setDraft({});
    onSearch();
  };
  const set = (name: string, value: string): void => setDraft({ ...draft, [name]: value });
  return (
    <form
      class="filter audit-filter"
      role="search"
      onSubmit={(event) => {
        event.preventDefault();
        search({});
      }}
    >
      {TEXTS.map(([name, label]) => (
        <input
          key={name}
          type="search"
          aria-label={label}
          placeholder={label}
          value={valueOf(name)}
          onInput={({ currentTarget }) => set(name, currentTarget.value)}
        />
      ))}
      {(['outcome', 'type'] as const).map((name) => (
        <Choice
          key={name}
          label={LABELS[name]}
          value={valueOf(name)}
          choices={withGiven(CHOICES[name], valueOf(name))}
          onChoose={(value) => search({ [name]: value })}
        />
      ))}
      <Choice
        label="When"
        value={span}
        choices={[
          ...withGiven(SPANS, span === 'exact' ? '' : span, `In the last ${span}`),
          ['exact', 'From … until …'],
        ]}
        onChoose={(value) => (value === 'exact' ? set('span', value) : search({ span: value }))}
      />
      {span === 'exact' && (
        <span class="times">
          {(['since', 'until'] as const).map((name) => (
            <label key={name}>
              {name === 'since' ? 'From' : 'Until'}
              <input
                type="datetime-local"
                step={1}
                value={valueOf(name)}
                min={name === 'until' ? valueOf('since') || undefined : undefined}
                onInput={({ currentTarget }) => set(name, currentTarget.value)}
              />
            </label>
          ))}
          <button type="button" onClick={() => search({ span: '' })}>
            Clear the times
          </button>
        </span>
      )}
      <button type="submit">Search</button>
    </form>
  );
}
