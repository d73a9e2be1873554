import type { JSX } from 'preact';
import { useEffect, useState } from 'preact/hooks';
import { CopyButton } from '../common/copy-button.tsx';
import { Dialog } from '../common/dialog.tsx';
import { typed } from '../common/form-text.ts';
import { ask } from './api.ts';
import { Field } from './ask.tsx';
import { DialogButtons } from './dialog-buttons.tsx';
import type { Configuration } from './facts.ts';
import { MAX_LABEL } from './limits.ts';
import type { Page } from './page.ts';

export interface NewKeyProps {
  readonly page: Page;
  readonly principal?: string;
  onClose(): void;
}

const BUILT_IN: Readonly<Record<string, string>> = {
  operator: 'sees and does everything here',
  viewer: 'looks at everything here but the audit log',
  auditor: 'also reads the audit log, with contents of messages',
};

/** Makes a key and shows it, once: it is not kept anywhere, here neither. */
export function NewKey({ page, principal, onClose }: NewKeyProps): JSX.Element {
  const [configured, setConfigured] = useState<readonly string[]>([]);
  const [made, setMade] = useState<{ readonly key: string; readonly principal: string }>();
  const [wrong, setWrong] = useState<string>();
  useEffect(() => {
    ask<Configuration>('configuration').then(
      ({ roles }) => setConfigured(Object.keys(roles)),
      () => {},
    );
  }, []);
  const builtIn = Object.keys(BUILT_IN).filter((role) => role !== 'auditor' || page.me?.readsContents === true);
  const submit = (event: SubmitEvent): void => {
    event.preventDefault();
    const form = event.currentTarget as HTMLFormElement;
    const [label, expires] = [typed(form, 'label'), typed(form, 'expires')];
    const roles = new FormData(form).getAll('role').map(String);
    const body = { principal: typed(form, 'principal'), roles, ...(label && { label }), ...(expires && { expires }) };
    ask<{ key: string; principal: string }>('makeKey', { body }).then(setMade, (error: Error) =>
      setWrong(error.message),
    );
  };
  if (made !== undefined) {
    return (
      <Dialog title={`The key of ${made.principal}`} onClose={onClose}>
        <p>It is shown this once. Copy it now, and give it to nobody else.</p>
        <p class="address secret">{made.key}</p>
        <div class="buttons">
          <CopyButton label="Copy the key" text={() => made.key} />
          <button type="button" class="primary" onClick={onClose}>
            I have it
          </button>
        </div>
      </Dialog>
    );
  }
  return (
    <Dialog title="Make a key" onClose={onClose}>
      <form class="form" onSubmit={submit}>
        {wrong !== undefined && (
          <p class="banner bad" role="alert">
            {wrong}
          </p>
        )}
        <Field
          label="For whom"
          name="principal"
          hint="The principal: a person or a program"
          required
          value={principal ?? ''}
        />
        <fieldset class="row">
          <legend>
            Roles<span class="optional"> optional</span>
          </legend>
          <div class="choices">
            {[...new Set([...configured, ...builtIn])].map((role) => (
              <label key={role} class="choice">
                <input type="checkbox" name="role" value={role} />
                <span>
                  {role}
                  {Object.hasOwn(BUILT_IN, role) && <span class="hint"> {BUILT_IN[role]}</span>}
                </span>
              </label>
            ))}
          </div>
        </fieldset>
        <Field label="What it is for" name="label" max={MAX_LABEL} />
        <Field label="Ends after" name="expires" hint="Such as 12h or 90d. Without it, never" />
        <DialogButtons action="Make the key" onClose={onClose} />
      </form>
    </Dialog>
  );
}
