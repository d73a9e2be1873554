import type { JSX } from 'preact';
import { useEffect, useState } from 'preact/hooks';
import { Dialog } from '../common/dialog.tsx';
import { ask } from './api.ts';
import { DialogButtons } from './dialog-buttons.tsx';
import type { ConfigurationEdit, ConfigurationFile, Importable, ImportableServer } from './facts.ts';
import type { Page } from './page.ts';
import { counted } from './words.ts';

export interface ClientImportProps {
  readonly page: Page;
  readonly file: ConfigurationFile | undefined;
  /** Why the file that there is cannot be changed from here. */
  readonly locked: string | undefined;
  onEdit(edit: ConfigurationEdit): void;
}

/** The way to the servers of MCP clients; for operators, where there is a file that they could come into. */
export function ClientImport({ page, file, locked, onEdit }: ClientImportProps): JSX.Element | null {
  const [isOpen, setOpen] = useState(false);
  if (!page.mayAct) return null;
  return (
    <div class="blocks">
      {locked !== undefined ? (
        <p class="hint">Servers of the MCP clients on this machine cannot be taken over: {locked}</p>
      ) : file === undefined ? (
        <p class="hint">
          To take over servers of the MCP clients on this machine, start Switchboard with one configuration file:{' '}
          <code>switchboard serve --config switchboard.json</code>
        </p>
      ) : (
        <button type="button" onClick={() => setOpen(true)}>
          Import from MCP clients…
        </button>
      )}
      {isOpen && file !== undefined && <ImportDialog path={file.path} onEdit={onEdit} onClose={() => setOpen(false)} />}
    </div>
  );
}

/** What the clients have. Some of it is chosen, and then shown as a difference. */
function ImportDialog({
  path,
  onEdit,
  onClose,
}: Pick<ClientImportProps, 'onEdit'> & { readonly path: string; onClose(): void }): JSX.Element {
  const [{ found, wrong }, setAnswer] = useState<{ readonly found?: Importable; readonly wrong?: string }>({});
  const [chosen, setChosen] = useState<Readonly<Record<string, string>>>({});
  useEffect(() => {
    ask<Importable>('importable').then(
      (answer) => setAnswer({ found: answer }),
      (error: Error) => setAnswer({ wrong: error.message }),
    );
  }, []);
  const choose = ({ id = '', name }: ImportableServer, isIn: boolean): void => {
    const { [name]: _gone, ...others } = chosen;
    setChosen(isIn ? { ...others, [name]: id } : others);
  };
  return (
    <Dialog title="Import from MCP clients" onClose={onClose}>
      {wrong !== undefined && (
        <p class="banner bad" role="alert">
          {wrong}
        </p>
      )}
      {found === undefined && wrong === undefined && <p class="hint">Looking…</p>}
      {found !== undefined && (
        <>
          <p>{summaryOf(found)}</p>
          {found.servers.length > 0 && (
            <ul class="imports" aria-label="Servers">
              {found.servers.map((server) => (
                <li key={server.id ?? server.name}>
                  <Server server={server} onChoose={(isIn) => choose(server, isIn)} />
                </li>
              ))}
            </ul>
          )}
          {found.left.length > 0 && <Left left={found.left} />}
          {found.servers.some(({ id }) => id !== undefined) && (
            <p class="hint">
              What you choose comes into {path}; secrets move into {found.variablesFile}, and are not shown. The files
              of the clients stay as they are: <code>switchboard adopt</code> leads the clients here.
            </p>
          )}
        </>
      )}
      <DialogButtons
        action="Show the difference…"
        disabled={Object.keys(chosen).length === 0}
        onDo={() => {
          onClose();
          onEdit({ imports: chosen });
        }}
        onClose={onClose}
      />
    </Dialog>
  );
}

function summaryOf({ files, servers }: Importable): string {
  if (files.length === 0) {
    return 'No file of an MCP client was found in the home folder of the user that Switchboard runs as, on its machine.';
  }
  const clients = [...new Set(files.map(({ client }) => client))].join(', ');
  return servers.length === 0
    ? `${clients}: no server that could be taken over.`
    : `${counted(servers.length, 'server')} of ${clients}, on the machine that Switchboard runs on.`;
}

function Server({
  server,
  onChoose,
}: {
  readonly server: ImportableServer;
  onChoose(isIn: boolean): void;
}): JSX.Element {
  const { id, name, renamed, from, start, isolation, because, secrets, ignored } = server;
  const where = from.map(({ client, file, line }) => `${client}, ${file}:${line}`).join('; ');
  if (id === undefined) {
    return (
      <p>
        <strong>{name}</strong> <span class="hint">is in the configuration already ({where})</span>
      </p>
    );
  }
  return (
    <label class="choice">
      <input
        type="checkbox"
        name="server"
        value={name}
        onChange={({ currentTarget }) => onChoose(currentTarget.checked)}
      />
      <span>
        <strong>{name}</strong>
        {renamed !== undefined && <span class="warn"> {renamed}</span>}
        <code>{start}</code>
        <span class="hint">{where}</span>
        <span class="hint">
          Isolation {isolation}: {because}
        </span>
        {secrets.length > 0 && (
          <span class="hint">Secrets: {secrets.map((each) => `${each}=[redacted]`).join(', ')}</span>
        )}
        {ignored.length > 0 && <span class="hint">Not taken: {ignored.join(', ')}</span>}
      </span>
    </label>
  );
}

const Left = ({ left }: Pick<Importable, 'left'>): JSX.Element => (
  <details>
    <summary>{counted(left.length, 'entry').replace(/entrys$/, 'entries')} left alone</summary>
    <ul class="imports">
      {left.map(({ client, file, line, name, why }, nth) => (
        <li key={nth}>
          {name !== undefined && <strong>{name} </strong>}
          {why}{' '}
          <span class="hint">
            {client}, {file}
            {line !== undefined && `:${line}`}
          </span>
        </li>
      ))}
    </ul>
  </details>
);
