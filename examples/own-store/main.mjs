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
  /** The names of those that this process has opened. */
  #open = new Set();
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
      return true;
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
    list: async (prefix, limit) =>
      Object.entries(this.#facts)
        .filter(([key, { endsAt }]) => key.startsWith(prefix) && endsAt > Date.now())
        .slice(0, limit)
        .map(([key, { value }]) => [key, value]),
  };

  async recall(name) {
    if (this.#logs[name] === undefined) return undefined;
    this.#open.add(name);
    return this.log(name);
  }

  log(name) {
    // What another process has left is given up, unless it is recalled.
    if (!this.#open.has(name)) delete this.#logs[name];
    this.#open.add(name);
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
      skip(to) {
        if (to <= log.last) return;
        log.entries.length = 0;
        log.last = to;
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
      leave: () => {
        this.#open.delete(name);
        return this.flush();
      },
    };
  }

  async flush() {
    if (this.#writing === undefined) return;
    clearImmediate(this.#writing);
    this.#write();
  }

  close() {
    return this.flush();
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
  const file = () => join(folder, `${count}.json`);
  const open = () => {
    count++;
    return new FileStore(file());
  };
  for (const { title, run } of storeContract(open)) {
    await run();
    console.log(`✓ ${title}`);
  }
  assert.ok(count >= 10);

  // What it is for: another process goes on where this one was.
  const before = open();
  before.log('messages').append('still here');
  await before.close();
  const messages = await new FileStore(file()).recall('messages');
  assert.deepEqual(messages.after(0), ['still here']);
  console.log('✓ it outlives the process');
} finally {
  rmSync(folder, { recursive: true });
}
