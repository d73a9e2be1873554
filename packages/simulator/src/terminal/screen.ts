/** Some lines at the bottom of a terminal that are drawn anew in place, with others scrolling above them. */

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

  draw(lines: readonly string[]): void {
    const fitting = lines.map((line) => fit(line, this.width - 1));
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

  #erase(): string {
    return this.#lines.length === 0 ? '' : `${ESCAPE}${this.#lines.length}A${ESCAPE}0J`;
  }
}

/** A line that wraps would be counted as one and drawn as two. */
export function fit(line: string, width: number): string {
  if (line.replaceAll(STYLES, '').length <= width) return line;
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
