/** The stream from the server: reconnects by itself, rests while the page is hidden, and knows whether what is shown is live. */
import { waitBefore } from '../common/backoff.ts';
import { addressOf, whyRefused } from './api.ts';
import { LiveState } from './live-state.ts';

/** `late`: connected, but nothing has come for a while. `ended`: signed out. */
export type LinkState = 'connecting' | 'live' | 'late' | 'waiting' | 'resting' | 'ended';

/** The server says what time it is with each look, at least every ten seconds. */
const LATE_MS = 15_000;
/** A page that is hidden for less than this keeps its stream. */
const REST_MS = 10_000;

export class LiveLink {
  readonly state = new LiveState();
  /** A page that was opened in the background asks for nothing until it is looked at. */
  link: LinkState = document.hidden ? 'resting' : 'connecting';
  /** When the next attempt is, in ms since 1970. */
  retryAt: number | undefined;
  /** Why Switchboard refused the last attempt, in its words. */
  refusal: string | undefined;
  /** When something last came. */
  heardAt = 0;
  #topics: readonly string[] = [];
  #source: EventSource | undefined;
  #attempt = 0;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #rest: ReturnType<typeof setTimeout> | undefined;
  #watchdog: ReturnType<typeof setInterval> | undefined;
  readonly #onChange: () => void;
  readonly #onOnline = (): void => this.retry();

  constructor(onChange: () => void) {
    this.#onChange = onChange;
    document.addEventListener('visibilitychange', this.#onVisibility);
    window.addEventListener('online', this.#onOnline);
    this.#watchdog = setInterval(() => this.#watch(), 1000);
  }

  /** Shows these from now on. */
  follow(topics: readonly string[]): void {
    if (topics.join() === this.#topics.join()) return;
    for (const topic of this.#topics) if (!topics.includes(topic)) this.state.forget(topic);
    this.#topics = topics;
    this.#open();
  }

  /** Tries at once. */
  retry(): void {
    if (this.link === 'waiting' || this.link === 'late') this.#open();
  }

  end(): void {
    this.#close();
    clearInterval(this.#watchdog);
    clearTimeout(this.#rest);
    document.removeEventListener('visibilitychange', this.#onVisibility);
    window.removeEventListener('online', this.#onOnline);
    this.#set('ended');
  }

  #open(): void {
    this.#close();
    if (this.link === 'ended' || this.#topics.length === 0) return;
    if (document.hidden && this.link === 'resting') return;
    if (this.link !== 'live') this.#set('connecting');
    const source = new EventSource(addressOf('live', { query: { topics: this.#topics.join(',') } }));
    this.#source = source;
    source.addEventListener('time', ({ data }: MessageEvent<string>) => {
      this.#attempt = 0;
      this.refusal = undefined;
      this.heardAt = Date.now();
      this.state.clockSkewMs = Number(data) - Date.now();
      this.#set('live');
    });
    for (const topic of this.#topics) {
      source.addEventListener(topic, ({ data }: MessageEvent<string>) => {
        this.heardAt = Date.now();
        this.state.apply(topic, JSON.parse(data) as object);
        this.#onChange();
      });
    }
    source.addEventListener('error', () => void this.#lost(source));
  }

  async #lost(source: EventSource): Promise<void> {
    if (source !== this.#source) return;
    this.#close();
    const wait = waitBefore(this.#attempt++);
    this.retryAt = Date.now() + wait;
    this.#set('waiting');
    this.#timer = setTimeout(() => this.#open(), wait);
    const refused = await whyRefused(source.url);
    if (refused?.status === 401) this.end();
    if (refused?.message === this.refusal) return;
    this.refusal = refused?.message;
    this.#onChange();
  }

  #close(): void {
    clearTimeout(this.#timer);
    this.#source?.close();
    this.#source = undefined;
  }

  #watch(): void {
    if (this.link === 'live' && Date.now() - this.heardAt > LATE_MS) this.#set('late');
  }

  readonly #onVisibility = (): void => {
    clearTimeout(this.#rest);
    if (document.hidden) {
      this.#rest = setTimeout(() => {
        this.#close();
        this.#set('resting');
      }, REST_MS);
    } else if (this.link === 'resting') {
      this.link = 'connecting';
      this.#open();
    }
  };

  #set(link: LinkState): void {
    if (this.link === link) return;
    this.link = link;
    this.#onChange();
  }
}
