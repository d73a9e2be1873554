// A store of one's own that keeps everything in one JSON file, and the tests of the contract that it has to pass.
import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { storeContract } from 'mcp-switchboard/testing';

/** Reads the file once, and writes it a moment after each change: `append` must not wait for the disk. */
class FileStore {
  #file;
  #facts = {};
  #logs = {};
  #writing;

  constructor(file) {
    this.#file = file;
    try {
      ({ facts: this.#facts, logs: this.#logs } = JSON.parse(readFileSync(file, 'utf8')));
    } catch {}
  }

  facts = {
    put: async (key, value, ttlMs) => {
      this.#facts[key] = { value, endsAt: Date.now() + ttlMs };
      this.#changed();
    },
    get: async (key) => (this.#facts[key]?.endsAt > Date.now() ? this.#facts[key].value : undefined),
    // The fact is gone before anybody else can ask for it.
    take: (key) => {
      const fact = this.facts.get(key);
      delete this.#facts[key];
      this.#changed();
      return fact;
    },
    delete: async (key) => {
      delete this.#facts[key];
      this.#changed();
    },
  };

  log(name) {
    const log = (this.#logs[name] ??= { last: 0, entries: [] });
    const changed = () => this.#changed();
    const sizeOf = ({ text, base64 }) => (text ?? base64).length;
    return {
      get last() {
        return log.last;
      },
      get size() {
        return log.entries.length;
      },
      get bytes() {
        return log.entries.reduce((sum, entry) => sum + sizeOf(entry), 0);
      },
      append(entry) {
        log.entries.push(
          typeof entry === 'string' ? { text: entry } : { base64: Buffer.from(entry).toString('base64') },
        );
        changed();
        return ++log.last;
      },
      trim(upTo) {
        const first = log.last - log.entries.length + 1;
        log.entries.splice(0, Math.max(0, Math.min(upTo, log.last) - first + 1));
        changed();
      },
      after(number) {
        const first = log.last - log.entries.length + 1;
        const kept = log.entries.slice(Math.max(0, number - first + 1));
        return kept.map(({ text, base64 }) => text ?? Buffer.from(base64, 'base64'));
      },
      end: () => {
        delete this.#logs[name];
        changed();
      },
    };
  }

  async close() {
    if (this.#writing === undefined) return;
    clearImmediate(this.#writing);
    this.#write();
  }

  #changed() {
    this.#writing ??= setImmediate(() => this.#write());
  }

  #write() {
    this.#writing = undefined;
    writeFileSync(this.#file, JSON.stringify({ facts: this.#facts, logs: this.#logs }));
  }
}

const folder = mkdtempSync(join(tmpdir(), 'switchboard-store-'));
try {
  let count = 0;
  for (const { title, run } of storeContract(() => new FileStore(join(folder, `${++count}.json`)))) {
    await run();
    console.log(`✓ ${title}`);
  }
  assert.ok(count >= 10);

  // What it is for: another process goes on where this one was.
  const file = join(folder, 'store.json');
  const before = new FileStore(file);
  before.log('messages').append('still here');
  await before.close();
  assert.deepEqual(new FileStore(file).log('messages').after(0), ['still here']);
  console.log('✓ it outlives the process');
} finally {
  rmSync(folder, { recursive: true });
}
