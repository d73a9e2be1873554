/**
 * Splits a byte stream into lines, as the stdio transport frames messages (MCP, Transports, "stdio"): one message a line, no
 * line break inside. Bytes are joined once per line, so that a long line costs no more than its length.
 */
export class LineSplitter {
  readonly #onLine: (line: Buffer) => void;
  readonly #onOverflow: (bytes: number) => void;
  readonly #maxBytes: number;
  #parts: Buffer[] = [];
  #bytes = 0;
  #skipping = false;

  /**
   * @param maxBytes the longest line that is accepted; a longer one is dropped up to its end.
   * @param onOverflow told once for each dropped line, as soon as it is over the limit.
   */
  constructor(maxBytes: number, onLine: (line: Buffer) => void, onOverflow: (bytes: number) => void) {
    this.#maxBytes = maxBytes;
    this.#onLine = onLine;
    this.#onOverflow = onOverflow;
  }

  push(chunk: Buffer): void {
    let start = 0;
    for (let end = chunk.indexOf(0x0a); end !== -1; end = chunk.indexOf(0x0a, start)) {
      this.#append(chunk.subarray(start, end));
      this.#flush();
      start = end + 1;
    }
    this.#append(chunk.subarray(start));
  }

  #append(part: Buffer): void {
    if (part.length === 0 || this.#skipping) return;
    this.#bytes += part.length;
    if (this.#bytes > this.#maxBytes) {
      this.#skipping = true;
      this.#parts = [];
      this.#onOverflow(this.#bytes);
      return;
    }
    this.#parts.push(part);
  }

  #flush(): void {
    const parts = this.#parts;
    const skipped = this.#skipping;
    this.#parts = [];
    this.#bytes = 0;
    this.#skipping = false;
    if (skipped || parts.length === 0) return;
    const line = parts.length === 1 ? parts[0]! : Buffer.concat(parts);
    if (!isBlank(line)) this.#onLine(line);
  }
}

/** Blank lines are nothing; Windows programs end theirs with one character more. */
const isBlank = (line: Buffer): boolean => line.every((byte) => byte <= 0x20);
