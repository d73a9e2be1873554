/** Some lines at the bottom of a terminal that are drawn again in place, with others scrolling above them. */

/** What a terminal may not be told by a server. */
// oxlint-disable-next-line no-control-regex
export const clean = (text: string): string => text.replace(/[\u0000-\u001f\u007f-\u009f]/g, '\uFFFD');

const ESCAPE = '\u001b[';
// oxlint-disable-next-line no-control-regex
const STYLES = /\u001b\[\d*m/g;

export class Screen {
  readonly #stream: NodeJS.WriteStream;
  #lines: string[] = [];

  constructor(stream: NodeJS.WriteStream) {
    this.#stream = stream;
  }

  get width(): number {
    return this.#stream.columns || 80;
  }

  /** Lines that are above the top of the terminal cannot be erased any more, so no more are drawn than it has rows. */
  draw(lines: readonly string[]): void {
    const fitting = lines.slice(0, this.#rows - 1).map((line) => fit(line, this.width - 1));
    this.#stream.write(this.#erase() + fitting.map((line) => `${line}\n`).join(''));
    this.#lines = fitting;
  }

  /** A line that stays. */
  print(line: string): void {
    const below = this.#lines;
    this.#stream.write(`${this.#erase()}${fit(line, this.width - 1)}\n${below.map((each) => `${each}\n`).join('')}`);
  }

  /** Leaves nothing behind. */
  clear(): void {
    this.#stream.write(this.#erase());
    this.#lines = [];
  }

  get #rows(): number {
    return this.#stream.rows || 24;
  }

  /** A terminal that has become narrower has wrapped what was drawn. */
  #erase(): string {
    const drawn = this.#lines.reduce((sum, line) => sum + Math.max(1, Math.ceil(lengthOf(line) / this.width)), 0);
    return drawn === 0 ? '' : `${ESCAPE}${Math.min(drawn, this.#rows - 1)}A\r${ESCAPE}0J`;
  }
}

const lengthOf = (line: string): number => line.replaceAll(STYLES, '').length;

/** A line that wraps would be counted as one and drawn as two. */
export function fit(line: string, width: number): string {
  if (lengthOf(line) <= width) return line;
  let shown = 0;
  let at = 0;
  while (at < line.length && shown < width - 1) {
    STYLES.lastIndex = at;
    const style = STYLES.exec(line);
    if (style?.index === at) at += style[0].length;
    else {
      at += 1;
      shown += 1;
    }
  }
  return `${line.slice(0, at)}…${ESCAPE}0m`;
}
