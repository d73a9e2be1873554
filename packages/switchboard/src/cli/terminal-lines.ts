import { createInterface } from 'node:readline';
import type { Interface } from 'node:readline';

/** Questions to a person, one after the other. Lines may be typed ahead, or pasted: each waits for its question. */
export class TerminalLines {
  readonly #terminal: Interface;
  readonly #lines: AsyncIterator<string>;
  #isClosed = false;

  constructor(input: NodeJS.ReadableStream, output: NodeJS.WritableStream) {
    this.#terminal = createInterface({ input, output });
    this.#lines = this.#terminal[Symbol.asyncIterator]();
    this.#terminal.once('close', () => (this.#isClosed = true));
    this.#terminal.on('SIGINT', () => this.close());
  }

  /** @returns the line that was typed; undefined when there is none to come, as after Ctrl-C */
  async ask(prompt: string): Promise<string | undefined> {
    if (!this.#isClosed) {
      this.#terminal.setPrompt(prompt);
      this.#terminal.prompt();
    }
    const { value, done } = await this.#lines.next();
    return done === true ? undefined : value;
  }

  /** Stops reading until the next question, so that the process can end. */
  pause(): void {
    if (!this.#isClosed) this.#terminal.pause();
  }

  close(): void {
    this.#terminal.close();
  }
}
