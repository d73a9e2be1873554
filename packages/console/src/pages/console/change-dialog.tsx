import type { JSX } from 'preact';
import { useEffect, useState } from 'preact/hooks';
import { Dialog } from '../common/dialog.tsx';
import { ask } from './api.ts';
import { DialogButtons } from './dialog-buttons.tsx';
import { Difference } from './difference.tsx';
import type { ConfigurationEdit, Difference as DifferenceFacts, Reloaded } from './facts.ts';
import type { Page } from './page.ts';
import { describeReload, effectOf } from './reloaded.ts';

interface Preview {
  readonly differences: readonly DifferenceFacts[];
  readonly change: Reloaded;
  readonly version: string;
}

export interface ChangeDialogProps {
  readonly page: Page;
  readonly edit: ConfigurationEdit;
  onClose(): void;
}

/** Shows what a change of the configuration file would do, before it is made. */
export function ChangeDialog({ page, edit, onClose }: ChangeDialogProps): JSX.Element {
  const [found, setFound] = useState<{ readonly preview?: Preview; readonly wrong?: string }>({});
  useEffect(() => {
    ask<Preview>('previewConfiguration', { body: edit }).then(
      (preview) => setFound({ preview }),
      (error: Error) => setFound({ wrong: error.message }),
    );
  }, [edit]);
  const { preview, wrong } = found;
  const apply = (): void => {
    onClose();
    void page.act<Reloaded>('applyConfiguration', { body: { ...edit, version: preview!.version } }, describeReload);
  };
  return (
    <Dialog title="Change the configuration file" onClose={onClose}>
      {wrong !== undefined && (
        <p class="banner bad" role="alert">
          {wrong}
        </p>
      )}
      {preview === undefined && wrong === undefined && <p class="hint">Checking…</p>}
      {preview?.differences.map((each) => (
        <Difference key={each.what} {...each} />
      ))}
      {preview !== undefined && <p>{effectOf(preview.change)}</p>}
      <DialogButtons action="Apply" disabled={preview === undefined} onDo={apply} onClose={onClose} />
    </Dialog>
  );
}
