/**
 * One client. Every client numbers its calls 1, 2, 3…, so all use the same ids, and writes its own name and the id
 * into the text of each call; an answer that carries another text went to the wrong place.
 */
const SIZE_OF_TEXT = 100;
const INITIALIZE = {
  protocolVersion: '2025-11-25',
  capabilities: {},
  clientInfo: { name: 'bench', version: '1.0.0' },
};
/** What every modern request brings. */
const ENVELOPE = {
  'io.modelcontextprotocol/protocolVersion': '2026-07-28',
  'io.modelcontextprotocol/clientCapabilities': {},
  'io.modelcontextprotocol/clientInfo': INITIALIZE.clientInfo,
};
const INITIALIZED = '{"jsonrpc":"2.0","method":"notifications/initialized"}';
/** Calls of one client at a time, at most. */
const MAX_WAITING = 1024;
const filler = 'x'.repeat(1 << 20);

export const newCounts = () => ({ answers: 0, crossed: 0, lost: 0, twice: 0, failed: 0 });

export class Client {
  #link;
  #last = 0;
  /** By id modulo its length: a Map would keep the garbage of calls, and collecting it would be measured (docs/decisions/0008). */
  #pending = Array.from({ length: MAX_WAITING });
  #waiting = 0;

  constructor(number, counts, config) {
    this.number = number;
    this.counts = counts;
    this.config = config;
  }

  get waiting() {
    return this.#waiting;
  }

  async open(connect, limit = 10_000) {
    this.#link = await connect(this.config, (message) => this.#receive(message));
    if (this.config.echo || this.config.link === 'modern') return;
    let timer;
    const answered = new Promise((done, fail) => {
      timer = setTimeout(fail, limit, new Error('no answer to initialize'));
      const settle = (_ms, ok) => (ok ? done() : fail(new Error('initialize refused')));
      this.#send(++this.#last, 'initialize', INITIALIZE, { done: settle });
    });
    await answered.finally(() => clearTimeout(timer));
    await this.#link.send(INITIALIZED);
    await this.#link.listen?.();
  }

  close() {
    return this.#link?.close();
  }

  /** Reads nothing any more; over WebSocket only. */
  pause() {
    this.#link.pause();
  }

  get pid() {
    return this.#link.pid;
  }

  /** @param size of the result. @param sent the size of the text in the request, in the same unit */
  call({ size, sent = SIZE_OF_TEXT }, done) {
    const id = ++this.#last;
    const tag = `c${this.number}-${id} `;
    // The bare echo has no tool that makes results larger; there the request carries the size.
    const text = tag + filler.slice(0, (this.config.echo ? size : sent) - tag.length);
    const params = { name: 'echo', arguments: { text, size } };
    this.#send(id, 'tools/call', this.config.link === 'modern' ? { ...params, _meta: ENVELOPE } : params, {
      done,
      tag,
      size,
    });
  }

  forget() {
    this.counts.lost += this.#waiting;
    this.#pending.fill(undefined);
    this.#waiting = 0;
  }

  #send(id, method, params, entry) {
    entry.sent = performance.now();
    entry.id = id;
    this.#pending[id % MAX_WAITING] = entry;
    this.#waiting++;
    const sent = this.#link.send(JSON.stringify({ jsonrpc: '2.0', id, method, params }));
    sent?.catch((error) => this.#find(id) && this.#receive({ id, error }));
  }

  #receive(message) {
    const { id, method, params, result } = message;
    if (method !== undefined && !this.config.echo) {
      if (id !== undefined) this.#reply(id);
      return;
    }
    const entry = this.#find(id);
    const text = (method ? params.arguments : result?.content?.[0])?.text ?? '';
    if (entry === undefined) {
      if (text.startsWith(`c${this.number}-`)) this.counts.twice++;
      else this.counts.crossed++;
      return;
    }
    this.#pending[id % MAX_WAITING] = undefined;
    this.#waiting--;
    if (message.error !== undefined) this.counts.failed++;
    else if (entry.tag !== undefined && !text.startsWith(entry.tag)) this.counts.crossed++;
    else if (entry.tag !== undefined && text.length !== entry.size) this.counts.failed++;
    entry.done(performance.now() - entry.sent, message.error === undefined);
  }

  #find(id) {
    const entry = this.#pending[id % MAX_WAITING];
    return entry?.id === id ? entry : undefined;
  }

  #reply(id) {
    this.#link.send(JSON.stringify({ jsonrpc: '2.0', id, result: {} }))?.catch(() => {});
  }
}
