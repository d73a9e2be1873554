import type { ComponentChildren, JSX } from 'preact';
import { Dialog } from '../common/dialog.tsx';
import { DialogButtons } from './dialog-buttons.tsx';
import { MAX_REASON } from './limits.ts';

export interface AskProps {
  readonly title: string;
  readonly children: ComponentChildren;
  /** What the button says that does it. */
  readonly action: string;
  /** Whether something is lost by it. */
  readonly grave?: boolean;
  onDo(form: HTMLFormElement): void;
  onClose(): void;
}

/** Asks before something is done, for a reason or other particulars as well. */
export function Ask({ title, children, action, grave, onDo, onClose }: AskProps): JSX.Element {
  const submit = (event: SubmitEvent): void => {
    event.preventDefault();
    onDo(event.currentTarget as HTMLFormElement);
    onClose();
  };
  return (
    <Dialog title={title} onClose={onClose}>
      <form class="form" onSubmit={submit}>
        {children}
        <DialogButtons action={action} grave={grave} onClose={onClose} />
      </form>
    </Dialog>
  );
}

export function Field({
  label,
  name,
  hint,
  value,
  required,
  max = 2000,
}: {
  readonly label: string;
  readonly name: string;
  readonly hint?: string;
  readonly value?: string;
  readonly required?: boolean;
  /** How many characters it takes: no more than the API does, as what is refused is lost. @default 2000 */
  readonly max?: number;
}): JSX.Element {
  return (
    <div class="row">
      <label for={`ask-${name}`}>
        {label}
        {required !== true && <span class="optional"> optional</span>}
      </label>
      {hint !== undefined && <p class="about">{hint}</p>}
      <input
        id={`ask-${name}`}
        name={name}
        defaultValue={value}
        required={required}
        autocomplete="off"
        maxLength={max}
      />
    </div>
  );
}

/** Why something is done, where a client is told. */
export const ReasonField = (): JSX.Element => (
  <Field label="Reason" name="reason" hint="The client gets it" max={MAX_REASON} />
);
