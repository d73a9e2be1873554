import type { ComponentChildren, JSX } from 'preact';
import type { Page } from './page.ts';
import { hrefOf, type View } from './place.ts';

export interface LinkProps {
  readonly page: Page;
  readonly view: View;
  readonly params?: Readonly<Record<string, string | undefined>>;
  readonly current?: boolean;
  readonly class?: string;
  readonly children: ComponentChildren;
}

/** A link to a view. The browser follows it itself where somebody wants another tab. */
export function Link({ page, view, params, current, class: name, children }: LinkProps): JSX.Element {
  const onClick = (event: MouseEvent): void => {
    if (event.ctrlKey || event.metaKey || event.shiftKey || event.button !== 0) return;
    event.preventDefault();
    page.go(view, params);
  };
  return (
    <a href={hrefOf(view, params)} class={name} aria-current={current === true ? 'page' : undefined} onClick={onClick}>
      {children}
    </a>
  );
}
