/** Small changes of a text, by position: what no edit names keeps every byte. */

export interface Edit {
  offset: number;
  length: number;
  text: string;
}

export interface Span {
  start: number;
  /** The place behind its last character. */
  end: number;
}

/** @param edits none of which overlap; of two at one place the first comes first */
export function applyEdits(text: string, edits: readonly Edit[]): string {
  const parts: string[] = [];
  let at = 0;
  for (const { offset, length, text: put } of edits.toSorted((a, b) => a.offset - b.offset)) {
    if (offset < at) throw new Error('edits overlap');
    parts.push(text.slice(at, offset), put);
    at = offset + length;
  }
  return parts.join('') + text.slice(at);
}

export const lineAt = (text: string, offset: number): number => text.slice(0, offset).split('\n').length;

/** The end of lines that a text has. */
export const eolOf = (text: string): string => (text.includes('\r\n') ? '\r\n' : '\n');

export const lineStart = (text: string, offset: number): number => text.lastIndexOf('\n', offset - 1) + 1;

/** The blanks that a line begins with. */
export const indentAt = (text: string, offset: number): string =>
  /^[ \t]*/.exec(text.slice(lineStart(text, offset), offset))?.[0] ?? '';

/** Takes a piece out of a text, with the whole lines where there is nothing else on them. */
export function cutOut(text: string, { start, end }: Span): Edit {
  const from = lineStart(text, start);
  const [rest = ''] = /^[ \t]*(?:\r?\n)?/.exec(text.slice(end)) ?? [];
  const isWhole = text.slice(from, start).trim() === '' && (rest.endsWith('\n') || end + rest.length === text.length);
  if (isWhole) return { offset: from, length: end + rest.length - from, text: '' };
  const [blanks = ''] = /^[ \t]*(?=[^ \t\r\n])/.exec(text.slice(end)) ?? [];
  return { offset: start, length: end + blanks.length - start, text: '' };
}

/** Items between commas, as in an object of JSON, an inline table of TOML and a flow mapping of YAML. */
export interface CommaList {
  items: readonly Span[];
  /** The place behind the opening brace. */
  open: number;
  /** What a comment looks like, at the beginning of a text. */
  comment: RegExp;
}

/**
 * Takes items out of a list and puts others into it: at the place of the first that goes, else at the end. Comments and blanks between
 * the items stay.
 *
 * @param drop which items go, by their index
 * @param inEmpty what is put behind the opening brace of a list without items
 */
export function editList(
  text: string,
  { items, open, comment }: CommaList,
  drop: ReadonlySet<number>,
  add: readonly string[],
  inEmpty: string,
): Edit[] {
  const edits: Edit[] = [];
  const first = Math.min(...drop);
  const replaced = add.length > 0 && drop.size > 0 ? first : -1;
  const gap = gapBefore(text, items[Math.max(0, replaced)]?.start ?? open);
  const put = add.join(`,${gap}`);
  const commas = items.map(({ end }) => commaAfter(text, end, comment));
  const isKept = (at: number): boolean => !drop.has(at) || at === replaced;

  for (const [at, item] of items.entries()) {
    if (at === replaced) edits.push({ offset: item.start, length: item.end - item.start, text: put });
    if (isKept(at)) continue;
    const comma = commas[at];
    const isNear = comma !== undefined && text.slice(item.end, comma).trim() === '';
    edits.push(cutOut(text, { start: item.start, end: isNear ? comma + 1 : item.end }));
    if (comma !== undefined && !isNear) edits.push({ offset: comma, length: 1, text: '' });
  }
  const lastKept = items.findLastIndex((_, at) => isKept(at));
  const comma = commas[lastKept];
  // The last of all had no comma behind it, so the last that stays must not have one either.
  if (lastKept < items.length - 1 && commas.at(-1) === undefined && comma !== undefined) {
    edits.push({ offset: comma, length: 1, text: '' });
  }
  if (add.length === 0 || replaced !== -1) return edits;
  const last = items.at(-1);
  if (last === undefined) return [...edits, { offset: open, length: 0, text: inEmpty }];
  const behind = commas.at(-1);
  edits.push(
    behind === undefined
      ? { offset: last.end, length: 0, text: `,${gap}${put}` }
      : { offset: behind + 1, length: 0, text: `${gap}${put}` },
  );
  return edits;
}

/** What stands between one item and the next: a new line with the blanks of this one, or one blank. */
function gapBefore(text: string, start: number): string {
  const before = text.slice(0, start);
  const blanks = before.slice(before.trimEnd().length);
  const at = blanks.lastIndexOf('\n');
  return at === -1 ? ' ' : `${eolOf(text)}${blanks.slice(at + 1)}`;
}

/** The place of the comma behind an item, over blanks and comments; undefined where the list ends. */
function commaAfter(text: string, end: number, comment: RegExp): number | undefined {
  for (let at = end; at < text.length;) {
    const rest = text.slice(at);
    const [skipped] = /^\s+/.exec(rest) ?? comment.exec(rest) ?? [''];
    if (skipped === '') return rest.startsWith(',') ? at : undefined;
    at += skipped.length;
  }
  return undefined;
}
