import type { JSX } from 'preact';
import { useMemo, useRef } from 'preact/hooks';
import { ask } from './api.ts';
import { Failed, useAsked } from './asked.tsx';
import { Detail, Facts } from './detail.tsx';
import type { Survey, Tool } from './facts.ts';
import { Filter } from './filter.tsx';
import { Link } from './link.tsx';
import type { Page } from './page.ts';
import { filterRows, readOrder, writeOrder } from './rows.ts';
import { StateMark } from './state-mark.tsx';
import { Table, type TableColumn } from './table.tsx';
import { TryIt, type ToolProps } from './try-it.tsx';
import { count, counted, reasonOf } from './words.ts';

const keyOf = ({ upstream, name }: Tool): string => `${upstream}/${name}`;

/** What a tool says of itself, in words. */
function hintsOf({ annotations = {} }: Tool): string {
  const words: Readonly<Record<string, string>> = {
    readOnlyHint: 'only reads',
    destructiveHint: 'may destroy',
    idempotentHint: 'may be repeated',
    openWorldHint: 'reaches beyond its server',
  };
  return Object.entries(words)
    .flatMap(([hint, word]) => (annotations[hint] === true ? [word] : []))
    .join(', ');
}

const NONE: readonly Tool[] = [];

/** @param isRuled whether a rule hides one of them: then why is what is looked for. */
const columnsOf = (isRuled: boolean): readonly TableColumn<Tool>[] => [
  {
    key: 'tool',
    label: 'Tool',
    width: 'minmax(6rem, 1.2fr)',
    from: 0,
    value: ({ name }) => name,
    cell: ({ name, hidden }) => <span class={hidden === undefined ? undefined : 'nothing'}>{name}</span>,
  },
  { key: 'server', label: 'Server', width: 'minmax(4rem, 0.6fr)', from: 0, value: ({ upstream }) => upstream },
  {
    key: 'seen',
    label: 'Seen',
    width: isRuled ? 'minmax(7rem, 2.4fr)' : '5rem',
    from: 0,
    value: ({ hidden }) => (hidden === undefined ? 'seen' : `hidden ${hidden}`),
    cell: ({ hidden }) =>
      hidden === undefined ? (
        <StateMark state="seen" />
      ) : (
        <span class="state warn-text" title={hidden}>
          <StateMark state="hidden" /> {hidden}
        </span>
      ),
  },
  { key: 'hints', label: 'Says of itself', width: 'minmax(7rem, 0.8fr)', value: hintsOf },
  {
    key: 'description',
    label: 'Description',
    width: 'minmax(8rem, 2fr)',
    value: ({ title, description }) => [title, description].filter(Boolean).join(': '),
  },
];

function ToolDetail({ page, tool, role }: ToolProps): JSX.Element {
  const { state } = page.live!;
  const calls = state.recent.filter(({ target, upstream }) => target === tool.name && upstream === tool.upstream);
  const failed = calls.filter(({ outcome }) => outcome === 'error' || outcome === 'isError').length;
  return (
    <Detail title={tool.title ?? tool.name} onClose={() => page.show({ id: undefined }, false)}>
      <Facts
        facts={{
          Name: <code>{tool.name}</code>,
          Server: (
            <Link page={page} view="servers" params={{ id: tool.upstream }}>
              {tool.upstream}
            </Link>
          ),
          Seen: tool.hidden === undefined ? <StateMark state="seen" /> : <StateMark state="hidden" />,
          'Why hidden': tool.hidden,
          'Says of itself': hintsOf(tool),
          'Called lately': `${counted(calls.length, 'time')}, ${count(failed)} failed`,
        }}
      />
      {tool.description !== '' && <p class="prose-text">{tool.description}</p>}
      {page.mayAct && <TryIt key={keyOf(tool)} page={page} tool={tool} role={role} />}
      <details>
        <summary>Schema of its arguments</summary>
        <pre tabIndex={0}>
          <code>{JSON.stringify(tool.inputSchema, undefined, 2)}</code>
        </pre>
      </details>
    </Detail>
  );
}

export function Tools({ page }: { readonly page: Page }): JSX.Element {
  const { state } = page.live!;
  const { id, filter = '', order = 'server', role = '', principal = '' } = page.place.params;
  // What changes a server's tools comes as a change.
  const changedAt = state.changes.findLast(({ type }) => type === 'tools.changed' || type === 'reloaded')?.time;
  const query = { ...(role !== '' && { role }), ...(principal !== '' && { principal }) };
  const asked = useAsked(page, JSON.stringify(query), () => ask<Survey>('tools', { query }), changedAt);
  const survey = asked.answer;
  // One chooses among them while the tools of another are asked for, or could not be.
  const roles = useRef<readonly string[]>([]);
  roles.current = survey?.roles ?? roles.current;
  const rows = survey?.tools ?? NONE;
  const hidden = rows.filter((tool) => tool.hidden !== undefined).length;
  const columns = useMemo(() => columnsOf(hidden > 0), [hidden > 0]);
  const found = useMemo(() => filterRows(rows, columns, filter), [rows, columns, filter]);
  const people = [...new Set([...state.people.keys(), ...(principal === '' ? [] : [principal])])].sort();
  const tool = rows.find((each) => keyOf(each) === id);
  const all = `${counted(rows.length, 'tool')}${hidden > 0 ? `, ${count(hidden)} hidden` : ''}`;
  const who = principal !== '' ? `person ${principal}` : role !== '' ? `role ${role}` : '';
  const choose = (value: string): void => {
    const [kind = '', ...name] = value.split(' ');
    page.show({
      role: kind === 'role' ? name.join(' ') : undefined,
      principal: kind === 'person' ? name.join(' ') : undefined,
    });
  };
  return (
    <div class={id === undefined ? 'split' : 'split open wide-detail'}>
      <section class="list">
        <Filter
          page={page}
          example="note, server:demo, destroy"
          count={filter === '' ? all : `${count(found.length)} of ${all}`}
        >
          <label class="group-by">
            <span class="hidden">As seen by</span>
            <select value={who} onChange={({ currentTarget }) => choose(currentTarget.value)}>
              <option value="">As the servers define them</option>
              {[...new Set([...roles.current, ...(role === '' ? [] : [role])])].map((each) => (
                <option key={`role ${each}`} value={`role ${each}`}>
                  As the role {each} sees them
                </option>
              ))}
              {people.map((each) => (
                <option key={`person ${each}`} value={`person ${each}`}>
                  As {each} sees them
                </option>
              ))}
            </select>
          </label>
        </Filter>
        <Failed asked={asked} />
        {survey?.failed.map(({ upstream, reason }) => (
          <p key={upstream} class="note-line">
            <Link page={page} view="servers" params={{ id: upstream }}>
              {upstream}
            </Link>{' '}
            could not be asked: {reasonOf(state.upstreams.get(upstream)?.reason ?? reason)}
          </p>
        ))}
        <Table
          label="Tools"
          columns={columns}
          rows={found}
          order={readOrder(order)}
          selected={id}
          idOf={keyOf}
          onOrder={(next) => page.show({ order: writeOrder(next) })}
          onOpen={(each) => page.show({ id: keyOf(each) }, false)}
          empty={
            asked.wrong !== undefined && survey === undefined
              ? ''
              : survey === undefined
                ? 'Asking the servers…'
                : rows.length > 0
                  ? 'No tool matches the filter.'
                  : survey.failed.length > 0
                    ? 'None is known, as not every server could be asked.'
                    : 'No server has tools.'
          }
        />
      </section>
      {tool === undefined && id !== undefined && survey !== undefined && (
        <Detail title="No such tool" onClose={() => page.show({ id: undefined }, false)}>
          <p>
            There is no tool <code>{id}</code> here{survey.failed.length > 0 && ', and not every server could be asked'}
            .
          </p>
        </Detail>
      )}
      {tool !== undefined && (
        <ToolDetail key={keyOf(tool)} page={page} tool={tool} role={role === '' ? undefined : role} />
      )}
    </div>
  );
}
