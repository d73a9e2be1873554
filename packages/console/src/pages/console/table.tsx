import type { ComponentChildren, JSX } from 'preact';
import { useEffect, useLayoutEffect, useMemo, useRef, useState } from 'preact/hooks';
import { count } from './words.ts';
import { groupRows, sortRows, type Column, type Order } from './rows.ts';
import { drawnPlaces, focusedAt } from './table-focus.ts';

export interface TableColumn<Row> extends Column<Row> {
  /** As CSS has it, such as `6rem` or `minmax(8rem, 1fr)`. */
  readonly width: string;
  /** For figures. */
  readonly right?: boolean;
  /** Whether it is left out where no row has anything there. */
  readonly optional?: boolean;
  /** The width of the table from which it is shown, in px: 0 for what a phone shows too. @default 880 */
  readonly from?: number;
  /** What is shown, where that is not the value. */
  cell?(row: Row): ComponentChildren;
}

export interface TableProps<Row> {
  readonly label: string;
  readonly columns: readonly TableColumn<Row>[];
  /** The same array until they change. */
  readonly rows: readonly Row[];
  readonly order: Order;
  /** The column that rows are grouped by. */
  readonly group?: string | undefined;
  readonly selected?: string | undefined;
  /** What is shown in place of rows. */
  readonly empty: ComponentChildren;
  idOf(row: Row): string;
  onOrder(order: Order): void;
  onOpen?(row: Row): void;
}

const ROW_PX = 36;
/** The width from which a column is shown that does not say another. */
const WIDE_PX = 880;
/** Rows drawn beyond both edges of what is seen. */
const SPARE = 8;

type Item<Row> = { readonly row: Row } | { readonly group: string; readonly size: number };

/** A table that draws only the rows that are seen, however many there are. */
export function Table<Row>(props: TableProps<Row>): JSX.Element {
  const { label, rows, order, group, selected, empty, idOf, onOrder, onOpen } = props;
  const [width, setWidth] = useState(WIDE_PX);
  const columns = useMemo(
    () =>
      props.columns.filter(
        ({ from = WIDE_PX, optional, value }) =>
          width >= from && (optional !== true || rows.some((row) => value(row) !== '')),
      ),
    [props.columns, rows, width],
  );
  const scroller = useRef<HTMLDivElement>(null);
  const [top, setTop] = useState(0);
  const [height, setHeight] = useState(600);
  const [focusKey, setFocusKey] = useState<string>();
  const items = useMemo((): readonly Item<Row>[] => {
    const found = sortRows(rows, props.columns, order);
    const column = props.columns.find(({ key }) => key === group);
    if (column === undefined) return found.map((row) => ({ row }));
    return groupRows(found, column).flatMap(({ name, rows: own }): Item<Row>[] => [
      { group: name, size: own.length },
      ...own.map((row) => ({ row })),
    ]);
  }, [rows, order.key, order.down, group, props.columns]);
  useEffect(() => {
    const { current } = scroller;
    if (current === null) return undefined;
    const observer = new ResizeObserver(() => {
      setHeight(current.clientHeight);
      setWidth(current.clientWidth);
    });
    observer.observe(current);
    return () => observer.disconnect();
  }, []);
  const first = Math.max(0, Math.floor(top / ROW_PX) - SPARE);
  const last = Math.min(items.length, Math.ceil((top + height) / ROW_PX) + SPARE);
  const keys = useMemo(() => items.map((item) => ('group' in item ? `group ${item.group}` : idOf(item.row))), [items]);
  const place = useRef(0);
  const at = focusedAt(keys, focusKey, place.current);
  place.current = at;
  const isToFocus = useRef(false);
  const hadFocus = scroller.current?.contains(document.activeElement) === true;
  useLayoutEffect(() => {
    // A row that is gone has left the focus to nobody.
    const isDropped = document.activeElement === document.body;
    if (hadFocus && (isToFocus.current || isDropped))
      scroller.current?.querySelector<HTMLElement>('.table-row[tabindex="0"]')?.focus({ preventScroll: true });
    isToFocus.current = false;
  });

  const onKeyDown = (event: KeyboardEvent): void => {
    const page = Math.max(1, Math.floor(height / ROW_PX) - 1);
    const steps: Readonly<Record<string, number>> = {
      ArrowDown: 1,
      ArrowUp: -1,
      PageDown: page,
      PageUp: -page,
      Home: -items.length,
      End: items.length,
    };
    const step = steps[event.key];
    const item = items[at];
    if (step !== undefined && item !== undefined) move(Math.min(items.length - 1, Math.max(0, at + step)));
    else if (event.key === 'Enter' && item !== undefined && 'row' in item) onOpen?.(item.row);
    else return;
    event.preventDefault();
  };
  const move = (next: number): void => {
    setFocusKey(keys[next]);
    isToFocus.current = true;
    const { current } = scroller;
    if (current === null) return;
    const [above, below] = [next * ROW_PX, (next + 1) * ROW_PX - current.clientHeight];
    if (current.scrollTop > above) current.scrollTop = above;
    else if (current.scrollTop < below) current.scrollTop = below;
  };

  const template = { '--columns': columns.map(({ width }) => width).join(' ') };
  return (
    <div class="table" role="grid" aria-label={label} aria-rowcount={items.length + 1} style={template}>
      <div class="table-head" role="row" aria-rowindex={1}>
        {columns.map(({ key, label: name, right }) => {
          const isOrder = order.key === key;
          const arrow = isOrder && <span aria-hidden="true">{order.down ? '↓' : '↑'}</span>;
          return (
            <div
              key={key}
              role="columnheader"
              class={right === true ? 'right' : undefined}
              aria-sort={isOrder ? (order.down ? 'descending' : 'ascending') : 'none'}
            >
              <button type="button" onClick={() => onOrder({ key, down: isOrder ? !order.down : right === true })}>
                {right === true && arrow}
                {name}
                {right !== true && arrow}
              </button>
            </div>
          );
        })}
      </div>
      <div
        class="table-body"
        role="rowgroup"
        ref={scroller}
        onKeyDown={onKeyDown}
        onScroll={({ currentTarget }) => setTop(currentTarget.scrollTop)}
      >
        {items.length === 0 && (
          <div role="row">
            <div role="gridcell" class="empty">
              {empty}
            </div>
          </div>
        )}
        <div class="table-space" role="presentation" style={{ height: `${items.length * ROW_PX}px` }}>
          {drawnPlaces(first, last, at, items.length).map((index) => {
            const [item, key] = [items[index]!, keys[index]!];
            const common = {
              role: 'row' as const,
              'aria-rowindex': index + 2,
              tabIndex: index === at ? 0 : -1,
              style: { transform: `translateY(${index * ROW_PX}px)` },
              onFocus: () => setFocusKey(key),
            };
            if ('group' in item) {
              return (
                <div key={key} class="table-row group" {...common}>
                  <div role="gridcell" aria-colspan={columns.length}>
                    {item.group} <span class="hint">{count(item.size)}</span>
                  </div>
                </div>
              );
            }
            return (
              // oxlint-disable-next-line click-events-have-key-events
              <div
                key={key}
                class={onOpen === undefined ? 'table-row' : 'table-row opens'}
                aria-selected={key === selected}
                {...common}
                onClick={() => onOpen?.(item.row)}
              >
                {columns.map((column) => (
                  <div key={column.key} role="gridcell" class={column.right === true ? 'right' : undefined}>
                    {column.cell === undefined ? column.value(item.row) : column.cell(item.row)}
                  </div>
                ))}
              </div>
            );
          })}
        </div>
      </div>
    </div>
  );
}
