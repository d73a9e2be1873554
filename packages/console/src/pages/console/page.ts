/** The page as a whole: who is signed in, where one is, and what the server has told. Views get it, and draw again when it changes. */
import { ask, failedNodes, Refusal, signInWithKey, signInWithLink, signOut, whoAmI, type Request } from './api.ts';
import type { Me } from './facts.ts';
import { LiveLink } from './live-link.ts';
import type { Operation } from './operations.ts';
import { hrefOf, placeOf, type Place, type View } from './place.ts';

export interface Notice {
  readonly key: number;
  readonly tone: 'good' | 'bad';
  readonly text: string;
}

/** How long a notice is shown, in ms. What went wrong stays until it is closed. */
const NOTICE_MS = 6000;
/** A restart of Switchboard ends sign-ins too. */
const OVER = 'Your sign-in has ended: it was too old, its key was revoked, or Switchboard was started again.';

/** What signs in, out of the address: at once, so that neither the history nor a bookmark holds it. */
function takeLink(): string {
  const link = location.hash.slice(1);
  if (link !== '') history.replaceState(null, '', location.pathname + location.search);
  return link;
}

export class Page {
  me: Me | undefined;
  /** Whether it is known already who is signed in. */
  reached = false;
  /** Why signing in did not work. */
  wrong: string | undefined;
  live: LiveLink | undefined;
  place: Place = placeOf(location.pathname, location.search);
  notices: readonly Notice[] = [];
  /** Whether somebody chooses where to go. */
  isPaletteOpen = false;
  readonly #listeners = new Set<() => void>();
  #notice = 0;
  #isLeaving = false;

  constructor() {
    window.addEventListener('popstate', () => {
      this.place = placeOf(location.pathname, location.search);
      this.changed();
    });
    // A link that is pasted where the page is open already loads nothing.
    window.addEventListener('hashchange', () => {
      const link = takeLink();
      if (link !== '') void this.#enter(() => signInWithLink(link));
    });
  }

  subscribe(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  readonly changed = (): void => {
    for (const listener of this.#listeners) listener();
  };

  get mayAct(): boolean {
    return this.me?.role === 'operator';
  }

  get mayAudit(): boolean {
    return this.me !== undefined && this.me.role !== 'viewer';
  }

  /** By the link that was opened, or as who is signed in already. */
  async start(): Promise<void> {
    const link = takeLink();
    await this.#enter(link === '' ? whoAmI : () => signInWithLink(link));
    if (this.me === undefined && link !== '') {
      const wrong = this.wrong;
      // Somebody who is signed in may open an old link.
      await this.#enter(whoAmI);
      if (this.me === undefined) this.wrong = wrong;
      this.changed();
    }
  }

  signIn(key: string): Promise<void> {
    return this.#enter(() => signInWithKey(key));
  }

  async signOut(): Promise<void> {
    try {
      await signOut();
    } catch (error) {
      if (!this.isOver(error as Error)) this.notify('bad', `You are still signed in. ${(error as Error).message}`);
      return;
    }
    this.#leave();
  }

  /** Forgets who is signed in, and what the page shows. */
  #leave(): void {
    this.#isLeaving = true;
    this.live?.end();
    this.#isLeaving = false;
  }

  async #enter(how: () => Promise<Me>): Promise<void> {
    this.wrong = undefined;
    try {
      const me = await how();
      this.#leave();
      this.wrong = undefined;
      this.me = me;
      this.live = new LiveLink(this.#onLive);
    } catch (error) {
      const isNobody = how === whoAmI && error instanceof Refusal && error.status === 401;
      // A link that is no longer good takes nothing from somebody who is signed in.
      if (this.me !== undefined) this.notify('bad', (error as Error).message);
      else if (!isNobody) this.wrong = (error as Error).message;
    }
    this.reached = true;
    this.changed();
  }

  /** @returns whether an error says that nobody is signed in any more, which the stream may not have noticed yet. */
  isOver(error: Error): boolean {
    const isOver = error instanceof Refusal && error.status === 401;
    if (isOver) this.live?.end();
    return isOver;
  }

  readonly #onLive = (): void => {
    if (this.live?.link === 'ended') {
      this.me = undefined;
      this.live = undefined;
      this.notices = [];
      this.isPaletteOpen = false;
      if (!this.#isLeaving) this.wrong = OVER;
    }
    this.changed();
  };

  go(view: View, params: Readonly<Record<string, string | undefined>> = {}): void {
    history.pushState(null, '', hrefOf(view, params));
    this.place = placeOf(location.pathname, location.search);
    this.changed();
  }

  /** Changes what is shown of the view; `replace` adds nothing to the history, as while somebody types. */
  show(params: Readonly<Record<string, string | undefined>>, replace = true): void {
    const { view } = this.place;
    if (view === 'unknown') return;
    const href = hrefOf(view, { ...this.place.params, ...params });
    if (replace) history.replaceState(null, '', href);
    else history.pushState(null, '', href);
    this.place = placeOf(location.pathname, location.search);
    this.changed();
  }

  /** Does something, and says what came of it. @returns the answer; undefined where it was refused */
  async act<Answer>(
    operation: Operation,
    request: Request,
    done: string | ((answer: Answer) => string),
  ): Promise<Answer | undefined> {
    try {
      const answer = await ask<Answer>(operation, request);
      const said = typeof done === 'string' ? done : done(answer);
      const failed = failedNodes(answer);
      if (failed.length === 0) this.notify('good', said);
      else this.notify('bad', `${said} But not at every node: ${failed.join('; ')}`);
      return answer;
    } catch (error) {
      if (!this.isOver(error as Error)) this.notify('bad', (error as Error).message);
      return undefined;
    }
  }

  openPalette(): void {
    this.isPaletteOpen = true;
    this.changed();
  }

  closePalette(): void {
    this.isPaletteOpen = false;
    this.changed();
  }

  notify(tone: Notice['tone'], text: string): void {
    const key = ++this.#notice;
    this.notices = [...this.notices.slice(-3), { key, tone, text }];
    if (tone === 'good') setTimeout(() => this.close(key), NOTICE_MS);
    this.changed();
  }

  close(key: number): void {
    this.notices = this.notices.filter((notice) => notice.key !== key);
    this.changed();
  }
}
