/** A note; the first one has the number 1. */
export interface Note {
  number: number;
  text: string;
}

const MAX_NOTES = 1_000;
const MAX_NOTE_BYTES = 10_000;
/** A client reads messages of at most 10 MB, and one message may have to carry all notes twice. */
const MAX_TOTAL_BYTES = 1_000_000;

/** Notes in memory, which end with the process. */
export class Notes {
  readonly #notes: Note[] = [];
  #bytes = 0;

  /** Throws if the note is too long or there is no room for it. */
  add(text: string): Note {
    const bytes = Buffer.byteLength(text);
    if (bytes > MAX_NOTE_BYTES) {
      throw new Error(`The note has ${bytes} bytes, and ${MAX_NOTE_BYTES} is the most: make it shorter.`);
    }
    if (this.#notes.length >= MAX_NOTES) {
      throw new Error(
        `There are ${this.#notes.length} notes, and ${MAX_NOTES} is the most: restart the server to empty them.`,
      );
    }
    if (this.#bytes + bytes > MAX_TOTAL_BYTES) {
      throw new Error(
        `With this note of ${bytes} bytes all notes would have ${this.#bytes + bytes} bytes, ` +
          `and ${MAX_TOTAL_BYTES} is the most: make it shorter, or restart the server to empty them.`,
      );
    }
    const note = { number: this.#notes.length + 1, text };
    this.#notes.push(note);
    this.#bytes += bytes;
    return note;
  }

  /** The note with the number as a client wrote it. */
  get(number: string): Note | undefined {
    return this.#notes.find((note) => String(note.number) === number);
  }

  list(): readonly Note[] {
    return this.#notes;
  }

  toString(): string {
    return this.#notes.map(({ number, text }) => `${number}. ${text}`).join('\n') || 'There are no notes yet.';
  }
}
