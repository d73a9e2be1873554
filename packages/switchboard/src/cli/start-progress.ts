/** On a terminal: one line, drawn again each second, that says which servers are being started. */
import { downloaderOf } from '../gateway/slow-start.ts';
import type { UpstreamOptions } from '../gateway/upstream-options.ts';
import type { GatewayEvent } from '../observe/events.ts';
import { cut } from '../util/cut.ts';
import { clean, duration } from './table.ts';

export interface StartProgressOptions {
  upstreams: Readonly<Record<string, UpstreamOptions>>;
  startTimeoutMs: number;
  /** Of the terminal. */
  columns(): number;
  write(text: string): void;
  /** In ms. */
  now(): number;
}

interface Start {
  upstream: string;
  at: number;
  /** What it wrote last to stderr. */
  line: string;
}

const DRAW_MS = 1000;
/** Starts that take no longer are not worth a line. */
const QUIET_MS = 2000;
const ERASE = '\r\u001b[K';
/** East Asian characters and those beyond 16 bits, such as emoji. */
const WIDE = /[\u1100-\u11ff\u2e80-\ua4cf\uac00-\udfff\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60]/;

/** Started ahead of need, or to be looked at: no client waits for them, and no event ends them. */
const UNAWAITED: ReadonlySet<string> = new Set(['spare', 'check']);

export class StartProgress {
  readonly #options: StartProgressOptions;
  readonly #starts: Map<string, Start> = new Map();
  #timer: NodeJS.Timeout | undefined;
  #isDrawn = false;

  constructor(options: StartProgressOptions) {
    this.#options = options;
  }

  /** @param log writes the event to the same terminal, where it is written at all. */
  onEvent(event: GatewayEvent, log: () => void): void {
    this.#note(event);
    this.#erase();
    log();
    this.draw();
  }

  draw(): void {
    const { columns, now, write } = this.#options;
    const long = [...this.#starts.values()].filter(({ at }) => now() - at >= QUIET_MS);
    this.#erase();
    if (long.length === 0) return;
    const text = `Starting ${long.map((start) => this.#describe(start)).join(', ')}`;
    // A line that is wrapped could not be erased.
    const room = Math.max(1, columns() - 1);
    const line = clean(text).replaceAll(/\s+/g, ' ');
    // Two columns for each character, where one of them may take two.
    write(cut(line, WIDE.test(line) ? Math.ceil(room / 2) : room));
    this.#isDrawn = true;
  }

  close(): void {
    clearInterval(this.#timer);
    this.#erase();
  }

  #note(event: GatewayEvent): void {
    if (event.type === 'upstream.stderr') {
      for (const start of this.#starts.values()) if (start.upstream === event.upstream) start.line = event.line.trim();
    } else if (event.type === 'member.started' && !UNAWAITED.has(event.slot)) {
      const { upstream, slot } = event;
      this.#starts.set(`${upstream} ${slot}`, { upstream, at: this.#options.now(), line: '' });
    } else if (event.type === 'member.ready' || event.type === 'member.failed' || event.type === 'member.closed') {
      this.#starts.delete(`${event.upstream} ${event.slot}`);
    }
    if (this.#starts.size > 0) this.#timer ??= setInterval(() => this.draw(), DRAW_MS).unref();
    else {
      clearInterval(this.#timer);
      this.#timer = undefined;
    }
  }

  #describe({ upstream, at, line }: Start): string {
    const { upstreams, startTimeoutMs, now } = this.#options;
    const options = upstreams[upstream];
    const downloader = options === undefined ? undefined : downloaderOf(options);
    const why = line !== '' ? line : downloader === undefined ? '' : `${downloader} may be downloading the package`;
    const limit = `at most ${duration(startTimeoutMs)}, --start-timeout`;
    return `${upstream} … ${duration(now() - at)} (${why === '' ? limit : `${why}; ${limit}`})`;
  }

  #erase(): void {
    if (this.#isDrawn) this.#options.write(ERASE);
    this.#isDrawn = false;
  }
}
