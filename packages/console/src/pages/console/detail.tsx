import type { ComponentChildren, JSX } from 'preact';
import { Icon } from '../common/icon.tsx';

export interface DetailProps {
  readonly title: string;
  readonly children: ComponentChildren;
  onClose(): void;
}

/** What is known of one row, beside the table; on a phone in its place. */
export function Detail({ title, children, onClose }: DetailProps): JSX.Element {
  return (
    <aside class="detail" aria-label={title}>
      <header>
        <h2>{title}</h2>
        <button type="button" class="quiet" aria-label="Close" title="Close (Esc)" onClick={onClose}>
          <Icon name="close" />
        </button>
      </header>
      {children}
    </aside>
  );
}

/** Names and values; what is empty is left out. */
export function Facts({ facts }: { readonly facts: Readonly<Record<string, ComponentChildren>> }): JSX.Element {
  return (
    <dl class="facts">
      {Object.entries(facts)
        .filter(([, value]) => value !== undefined && value !== '')
        .map(([name, value]) => (
          <div key={name}>
            <dt>{name}</dt>
            <dd>{value}</dd>
          </div>
        ))}
    </dl>
  );
}
