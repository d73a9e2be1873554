/** Filters, sorts and groups the rows of a table. */

export interface Column<Row> {
  readonly key: string;
  readonly label: string;
  /** Whether it holds digits, in which any word may stand by chance: it is found by its beginning, or where it is named. */
  readonly isId?: boolean;
  /** What rows are sorted by, and found by. */
  value(row: Row): string | number;
}

/** From so many characters on a word may be the beginning of an id. */
const ID_CHARS = 8;

export interface Order {
  readonly key: string;
  readonly down: boolean;
}

/** `age` upwards, `-age` downwards. */
export const readOrder = (text: string): Order => ({ key: text.replace(/^-/, ''), down: text.startsWith('-') });
export const writeOrder = ({ key, down }: Order): string => `${down ? '-' : ''}${key}`;

/** A filter for rows that have exactly this in a column. */
export const columnIs = (column: string, value: string): string => `${column}:"${value}"`;

/** Minus, the name of a column, and a word or all that stands in quotes. A quote ends where a space follows. */
const WORD = /(-(?=\S))?((?:([^\s":]+):)?(?:"(.*?)"(?=\s|$)|(\S*)))/g;

/**
 * Rows that hold every word, in any column; of an id at least its first {@link ID_CHARS} characters. `server:demo` looks in one column, and
 * `-word` leaves rows out. What stands in quotes, as in `server:"demo"`, is all that the column has.
 *
 * @param text as typed.
 */
export function filterRows<Row>(rows: readonly Row[], columns: readonly Column<Row>[], text: string): readonly Row[] {
  const words = [...text.toLowerCase().matchAll(WORD)].filter(([word]) => word !== '');
  if (words.length === 0) return rows;
  const tests = words.map(([, minus, bare = '', name, whole, part = '']) => {
    const named = columns.filter(({ key, label }) => name === key || name === label.toLowerCase());
    // A colon may belong to what is looked for.
    const isText = name !== undefined && named.length === 0;
    const wanted = isText ? bare : part;
    const searched = named.length > 0 ? named : columns;
    const holds = (column: Column<Row>, row: Row): boolean => {
      const value = String(column.value(row)).toLowerCase();
      if (whole !== undefined && !isText) return value === whole;
      if (column.isId !== true || named.length > 0) return value.includes(wanted);
      // Behind a dash ids are counted: 1 is not the beginning of 12.
      return value === wanted || (wanted.length >= ID_CHARS && !wanted.includes('-') && value.startsWith(wanted));
    };
    return (row: Row): boolean => searched.some((column) => holds(column, row)) !== (minus !== undefined);
  });
  return rows.filter((row) => tests.every((passes) => passes(row)));
}

export function sortRows<Row>(rows: readonly Row[], columns: readonly Column<Row>[], order: Order): readonly Row[] {
  const column = columns.find(({ key }) => key === order.key);
  if (column === undefined) return rows;
  const sign = order.down ? -1 : 1;
  const keyed = rows.map((row) => ({ row, key: column.value(row) }));
  keyed.sort(({ key: one }, { key: other }) =>
    one === other
      ? 0
      : (typeof one === 'number' && typeof other === 'number' ? one < other : String(one) < String(other))
        ? -sign
        : sign,
  );
  return keyed.map(({ row }) => row);
}

export interface Group<Row> {
  readonly name: string;
  readonly rows: readonly Row[];
}

/** The largest group first. */
export function groupRows<Row>(rows: readonly Row[], column: Column<Row>): readonly Group<Row>[] {
  const groups = new Map<string, Row[]>();
  for (const row of rows) {
    const name = String(column.value(row)) || 'none';
    const found = groups.get(name);
    if (found === undefined) groups.set(name, [row]);
    else found.push(row);
  }
  return [...groups]
    .map(([name, found]) => ({ name, rows: found }))
    .sort((one, other) => other.rows.length - one.rows.length);
}
