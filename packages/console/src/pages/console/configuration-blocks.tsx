import type { JSX } from 'preact';
import { useState } from 'preact/hooks';
import type { Configuration, ConfigurationEdit, ConfigurationFile } from './facts.ts';
import { Link } from './link.tsx';
import type { Page } from './page.ts';
import { PlainTable } from './plain-table.tsx';
import { RoleDialog } from './role-dialog.tsx';
import { counted } from './words.ts';

export interface BlocksProps {
  readonly page: Page;
  readonly facts: Configuration;
  readonly file: ConfigurationFile | undefined;
  onEdit(edit: ConfigurationEdit): void;
}

/** A server or a role. */
interface Block {
  readonly name: string;
  readonly link?: JSX.Element;
  readonly kind: string;
  readonly at?: string;
  readonly isolation?: string;
  readonly rules?: object | undefined;
  readonly actions: JSX.Element;
}

/** The servers and the roles of the configuration. */
export function Blocks({ page, facts, file, onEdit }: BlocksProps): JSX.Element {
  const [role, setRole] = useState<string>();
  const { upstreams, roles } = facts;
  const mayEdit = page.mayAct && file !== undefined;
  const button = (label: string, onClick: () => void, isGrave = false): JSX.Element => (
    <button type="button" class={isGrave ? 'danger' : undefined} onClick={onClick}>
      {label}
    </button>
  );
  const rows: readonly Block[] = [
    ...upstreams.map(({ name, tools, ...server }) => ({
      ...server,
      name,
      link: (
        <Link page={page} view="servers" params={{ id: name }}>
          {name}
        </Link>
      ),
      rules: tools,
      actions: (
        <>
          {button('Disable…', () => onEdit({ servers: { [name]: 'disable' } }))}{' '}
          {button('Remove…', () => onEdit({ servers: { [name]: 'remove' } }), true)}
        </>
      ),
    })),
    ...(file?.disabled ?? []).map((name) => ({
      name,
      kind: 'disabled',
      actions: button('Enable…', () => onEdit({ servers: { [name]: 'enable' } })),
    })),
    ...Object.entries(roles).map(([name, rules]) => ({
      name,
      kind: 'role',
      rules,
      actions: button('Edit…', () => setRole(name)),
    })),
  ];
  return (
    <details class="blocks">
      <summary>
        {counted(upstreams.length, 'server')}, {counted(Object.keys(roles).length, 'role')}
      </summary>
      <PlainTable
        label="Servers and roles"
        rows={rows}
        keyOf={({ kind, name }) => `${kind} ${name}`}
        columns={[
          { label: 'Name', cell: ({ name, link = name }) => link },
          { label: 'Kind', cell: ({ kind }) => kind },
          { label: 'Where', cell: ({ at = '' }) => at },
          { label: 'Isolation', cell: ({ isolation = '' }) => isolation },
          {
            label: 'Rules',
            wraps: true,
            cell: ({ rules }) => (rules === undefined ? '' : <code>{JSON.stringify(rules)}</code>),
          },
        ]}
        actions={mayEdit ? ({ actions }) => actions : undefined}
      />
      {mayEdit && (
        <div class="buttons">
          <button type="button" onClick={() => setRole('')}>
            Add a role…
          </button>
        </div>
      )}
      {role !== undefined && file !== undefined && (
        <RoleDialog name={role} rules={file.roles[role] ?? {}} onEdit={onEdit} onClose={() => setRole(undefined)} />
      )}
    </details>
  );
}
