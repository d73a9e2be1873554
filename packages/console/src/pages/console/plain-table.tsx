import type { ComponentChildren, JSX } from 'preact';

export interface PlainColumn<Row> {
  readonly label: string;
  /** For figures. */
  readonly right?: boolean;
  /** Whether a long text goes over several lines. */
  readonly wraps?: boolean;
  cell(row: Row): ComponentChildren;
  /** What is shown where one points at it. */
  title?(row: Row): string;
  tone?(row: Row): 'warn' | 'bad' | undefined;
}

export interface PlainTableProps<Row> {
  readonly label: string;
  readonly columns: readonly PlainColumn<Row>[];
  readonly rows: readonly Row[];
  keyOf(row: Row): string;
  /** What can be done with a row. */
  actions?: ((row: Row) => ComponentChildren) | undefined;
}

/** A table of few rows, all of them drawn. It scrolls sideways where there is no room. */
export function PlainTable<Row>({ label, columns, rows, keyOf, actions }: PlainTableProps<Row>): JSX.Element {
  return (
    <div class="scrolls" tabIndex={0} role="region" aria-label={label}>
      <table class="plain">
        <thead>
          <tr>
            {columns.map(({ label: head, right }) => (
              <th key={head} class={right === true ? 'right' : undefined}>
                {head}
              </th>
            ))}
            {actions !== undefined && <th aria-label="Actions" />}
          </tr>
        </thead>
        <tbody>
          {rows.map((row) => (
            <tr key={keyOf(row)}>
              {columns.map(({ label: head, right, wraps, cell, title, tone }) => (
                <td
                  key={head}
                  class={[right === true && 'right', wraps === true && 'wraps', tone?.(row)].filter(Boolean).join(' ')}
                  title={title?.(row)}
                >
                  {cell(row)}
                </td>
              ))}
              {actions !== undefined && <td class="right">{actions(row)}</td>}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}
