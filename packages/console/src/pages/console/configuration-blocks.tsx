import type { JSX } from 'preact';
import { useState } from 'preact/hooks';
import type { Configuration, ConfigurationEdit, ConfigurationFile } from './facts.ts';
import { Link } from './link.tsx';
import type { Page } from './page.ts';
import { RoleDialog } from './role-dialog.tsx';
import { counted } from './words.ts';

export interface BlocksProps {
  readonly page: Page;
  readonly facts: Configuration;
  readonly file: ConfigurationFile | undefined;
  onEdit(edit: ConfigurationEdit): void;
}

/** The servers and the roles of the configuration. */
export function Blocks({ page, facts, file, onEdit }: BlocksProps): JSX.Element {
  const [role, setRole] = useState<string>();
  const { upstreams, roles } = facts;
  const mayEdit = page.mayAct && file !== undefined;
  return (
    <details class="blocks">
      <summary>
        {counted(upstreams.length, 'server')}, {counted(Object.keys(roles).length, 'role')}
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
              {mayEdit && <th aria-label="Actions" />}
            </tr>
          </thead>
          <tbody>
            {upstreams.map(({ name, kind, at = '', isolation, tools }) => (
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
                {mayEdit && (
                  <td class="right">
                    <button type="button" onClick={() => onEdit({ servers: { [name]: 'disable' } })}>
                      Disable…
                    </button>{' '}
                    <button type="button" class="danger" onClick={() => onEdit({ servers: { [name]: 'remove' } })}>
                      Remove…
                    </button>
                  </td>
                )}
              </tr>
            ))}
            {(file?.disabled ?? []).map((name) => (
              <tr key={`disabled ${name}`}>
                <td>{name}</td>
                <td>disabled</td>
                <td colSpan={3} />
                {mayEdit && (
                  <td class="right">
                    <button type="button" onClick={() => onEdit({ servers: { [name]: 'enable' } })}>
                      Enable…
                    </button>
                  </td>
                )}
              </tr>
            ))}
            {Object.entries(roles).map(([name, rules]) => (
              <tr key={`role ${name}`}>
                <td>{name}</td>
                <td>role</td>
                <td colSpan={3} class="wraps">
                  <code>{JSON.stringify(rules)}</code>
                </td>
                {mayEdit && (
                  <td class="right">
                    <button type="button" onClick={() => setRole(name)}>
                      Edit…
                    </button>
                  </td>
                )}
              </tr>
            ))}
          </tbody>
        </table>
      </div>
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
