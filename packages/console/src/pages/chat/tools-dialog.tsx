import type { JSX } from 'preact';
import { Dialog } from '../common/dialog.tsx';
import type { ToolSummary } from './wire.ts';

/** What the assistant can do. */
export function ToolsDialog(props: {
  readonly tools: readonly ToolSummary[] | undefined;
  onClose(): void;
}): JSX.Element {
  const { tools, onClose } = props;
  return (
    <Dialog title="Tools" onClose={onClose}>
      {tools === undefined && <p class="hint">The server has not told yet.</p>}
      {tools?.length === 0 && <p class="hint">There are none: the assistant answers from what it knows.</p>}
      <ul class="tool-list">
        {tools?.map(({ name, title, description, destructive }) => (
          <li key={name}>
            <strong>{title ?? name}</strong>
            {title !== undefined && <code>{name}</code>}
            {destructive && <span class="note warn">asks first</span>}
            {description !== undefined && <p>{description}</p>}
          </li>
        ))}
      </ul>
    </Dialog>
  );
}
