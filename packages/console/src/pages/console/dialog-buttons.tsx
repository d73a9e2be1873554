import type { ComponentChildren, JSX } from 'preact';

export interface DialogButtonsProps {
  /** What the button says that does it. */
  readonly action: string;
  /** Whether something is lost by it. */
  readonly grave?: boolean | undefined;
  readonly disabled?: boolean;
  /** What else can be done. */
  readonly children?: ComponentChildren;
  /** Does it. @default the form is submitted */
  onDo?(): void;
  onClose(): void;
}

/** The end of every dialog that asks: do it, or do nothing. */
export function DialogButtons({ action, grave, disabled, children, onDo, onClose }: DialogButtonsProps): JSX.Element {
  return (
    <div class="buttons">
      <button
        type={onDo === undefined ? 'submit' : 'button'}
        class={grave === true ? 'primary bad' : 'primary'}
        disabled={disabled}
        onClick={onDo}
      >
        {action}
      </button>
      {children}
      <button type="button" onClick={onClose}>
        Do nothing
      </button>
    </div>
  );
}
