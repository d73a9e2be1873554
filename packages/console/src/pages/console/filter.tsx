import type { ComponentChildren, JSX } from 'preact';
import type { Page } from './page.ts';

export interface FilterProps {
  readonly page: Page;
  /** How many rows there are, in words. */
  readonly count: string;
  /** What could be typed. */
  readonly example: string;
  readonly children?: ComponentChildren;
}

/** The line above a table. What is typed stands in the address. */
export function Filter({ page, count, example, children }: FilterProps): JSX.Element {
  return (
    <div class="filter" role="search">
      <input
        type="search"
        aria-label="Filter"
        placeholder={`Filter: ${example}`}
        value={page.place.params['filter'] ?? ''}
        onInput={({ currentTarget }) => page.show({ filter: currentTarget.value })}
        onKeyDown={({ key, currentTarget }) => {
          if (key === 'Escape') currentTarget.blur();
        }}
      />
      {children}
      <p class="hint count">{count}</p>
    </div>
  );
}
