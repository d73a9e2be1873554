/** The upstreams of the configuration, and which of them an operator has switched off for as long as the process runs. */
import { omit } from '../util/omit.ts';
import type { Change } from './change.ts';
import type { UpstreamFacts } from './operations.ts';
import type { Settings } from './settings.ts';
import type { UpstreamOptions } from './upstream-options.ts';

type Upstreams = Readonly<Record<string, UpstreamOptions>>;

export interface OfferedOptions {
  upstreams: Upstreams;
  settings: Pick<Settings, 'isolation'>;
  /** Names of those that are switched off in the configuration, which are not among the others. */
  disabled(): readonly string[];
}

const NOTHING: Change = { added: [], changed: [], removed: [], applied: [], restartNeeded: [] };

export class Offered {
  readonly #options: OfferedOptions;
  readonly #off: Set<string> = new Set();
  #all: Upstreams;

  constructor(options: OfferedOptions) {
    this.#options = options;
    this.#all = options.upstreams;
  }

  /** Those that are served. */
  get on(): Upstreams {
    return this.without(this.#all);
  }

  /** Those of another configuration that would be served. */
  without(upstreams: Upstreams): Upstreams {
    return omit(upstreams, ...this.#off) as Upstreams;
  }

  /** Another configuration holds. One that is not in it any more is forgotten. */
  replace(upstreams: Upstreams): void {
    this.#all = upstreams;
    for (const name of this.#off) if (!Object.hasOwn(upstreams, name)) this.#off.delete(name);
  }

  /** @returns what that changes. */
  switch(name: string, isOn: boolean): Change {
    if (isOn) this.#off.delete(name);
    else this.#off.add(name);
    return { ...NOTHING, ...(isOn ? { added: [name] } : { removed: [name] }) };
  }

  /** Those that are switched off, and why. */
  off(): Pick<UpstreamFacts, 'name' | 'isolation' | 'reason'>[] {
    const { isolation } = this.#options.settings;
    const drained = [...this.#off].map((name) => ({
      name,
      isolation: this.#all[name]?.isolation ?? isolation,
      reason: 'an operator has drained it',
    }));
    const reason = 'it is disabled in the configuration file';
    return [...drained, ...this.#options.disabled().map((name) => ({ name, isolation, reason }))];
  }
}
