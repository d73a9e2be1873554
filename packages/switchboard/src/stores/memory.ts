/** The store of one process: nothing is written anywhere, and nothing is left when the process ends. */
import { unreffed } from '../util/timers.ts';
import type { Entry, Fact, Facts, Log, Store } from './store.ts';

/** What an entry costs beside its text. */
const ENTRY_BYTES = 64;
/** How often facts that have ended are looked for. */
const SWEEP_MS = 30_000;

export class MemoryLog implements Log {
  #entries: Entry[] = [];
  #trimmed = 0;
  #bytes = 0;

  get last(): number {
    return this.#trimmed + this.#entries.length;
  }

  get size(): number {
    return this.#entries.length;
  }

  get bytes(): number {
    return this.#bytes;
  }

  append(entry: Entry): number {
    this.#entries.push(entry);
    this.#bytes += entry.length + ENTRY_BYTES;
    return this.last;
  }

  trim(upTo: number): void {
    const count = Math.min(upTo, this.last) - this.#trimmed;
    if (count <= 0) return;
    for (const entry of this.#entries.splice(0, count)) this.#bytes -= entry.length + ENTRY_BYTES;
    this.#trimmed += count;
  }

  after(number: number): readonly Entry[] {
    return this.#entries.slice(Math.max(0, number - this.#trimmed));
  }

  end(): void {
    this.trim(this.last);
  }
}

class MemoryFacts implements Facts {
  readonly #facts: Map<string, { value: Fact; endsAt: number }> = new Map();
  readonly #sweeper = unreffed(setInterval(() => this.#sweep(), SWEEP_MS));

  async put(key: string, value: Fact, ttlMs: number): Promise<void> {
    this.#facts.set(key, { value, endsAt: Date.now() + ttlMs });
  }

  async get(key: string): Promise<Fact | undefined> {
    const fact = this.#facts.get(key);
    return fact === undefined || fact.endsAt <= Date.now() ? undefined : fact.value;
  }

  async take(key: string): Promise<Fact | undefined> {
    const value = this.get(key);
    this.#facts.delete(key);
    return value;
  }

  async delete(key: string): Promise<void> {
    this.#facts.delete(key);
  }

  close(): void {
    clearInterval(this.#sweeper);
    this.#facts.clear();
  }

  #sweep(): void {
    const now = Date.now();
    for (const [key, { endsAt }] of this.#facts) if (endsAt <= now) this.#facts.delete(key);
  }
}

export function memoryStore(): Store {
  const facts = new MemoryFacts();
  const logs = new Map<string, Log>();
  return {
    facts,
    log(name) {
      const known = logs.get(name);
      if (known !== undefined) return known;
      const log = new MemoryLog();
      const end = log.end.bind(log);
      log.end = () => {
        end();
        logs.delete(name);
      };
      logs.set(name, log);
      return log;
    },
    async close() {
      facts.close();
      logs.clear();
    },
  };
}
