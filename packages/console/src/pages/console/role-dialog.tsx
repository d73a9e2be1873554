import type { JSX } from 'preact';
import { useState } from 'preact/hooks';
import { Dialog } from '../common/dialog.tsx';
import { typed } from '../common/form-text.ts';
import { Field } from './ask.tsx';
import { DialogButtons } from './dialog-buttons.tsx';
import type { ConfigurationEdit } from './facts.ts';
import { argumentsOf } from './tool-call.ts';

export interface RoleDialogProps {
  /** Empty for a new one. */
  readonly name: string;
  /** As they stand in the file. */
  readonly rules: object;
  onEdit(edit: ConfigurationEdit): void;
  onClose(): void;
}

const EXAMPLE = '{ "upstreams": ["demo"], "tools": { "deny": ["delete*"] }, "limits": { "requestsPerMinute": 60 } }';

/** The rules of one role, as JSON. What they do is shown before they are written. */
export function RoleDialog({ name, rules, onEdit, onClose }: RoleDialogProps): JSX.Element {
  const [wrong, setWrong] = useState<string>();
  const submit = (event: SubmitEvent): void => {
    event.preventDefault();
    const form = event.currentTarget as HTMLFormElement;
    const { args, wrong: why } = argumentsOf(typed(form, 'rules'));
    setWrong(why);
    if (args === undefined) return;
    onClose();
    onEdit({ roles: { [name || typed(form, 'name')]: args } });
  };
  return (
    <Dialog title={name === '' ? 'Add a role' : `Role ${name}`} onClose={onClose}>
      <form class="form" onSubmit={submit}>
        {name === '' && <Field label="Name" name="name" required />}
        <div class="row">
          <label for="role-rules">Rules, as JSON</label>
          <p class="about">
            What is not named is allowed: <code>upstreams</code>, <code>tools</code>, <code>resources</code>,{' '}
            <code>prompts</code> with <code>allow</code> and <code>deny</code>, <code>readOnly</code>,{' '}
            <code>limits</code>. For example <code>{EXAMPLE}</code>
          </p>
          <textarea
            id="role-rules"
            name="rules"
            class="code"
            rows={10}
            spellcheck={false}
            defaultValue={JSON.stringify(rules, undefined, 2)}
            aria-invalid={wrong !== undefined}
            aria-describedby="role-wrong"
          />
          <p class="wrong" id="role-wrong">
            {wrong}
          </p>
        </div>
        <DialogButtons action="Show the difference…" onClose={onClose}>
          {name !== '' && (
            <button
              type="button"
              class="danger"
              onClick={() => {
                onClose();
                onEdit({ roles: { [name]: null } });
              }}
            >
              Remove…
            </button>
          )}
        </DialogButtons>
      </form>
    </Dialog>
  );
}
