/** What another configuration changes. */
import { isDeepStrictEqual } from 'node:util';

import type { UpstreamOptions } from './upstream-options.ts';

/** Settings, and the blocks beside them. */
type Written = Readonly<Record<string, unknown>>;
type Upstreams = Readonly<Record<string, UpstreamOptions>>;

/** What a reload changed. */
export interface Change {
  /** Names of upstreams that are new. */
  added: string[];
  /** Names of upstreams that are configured differently now; their servers are replaced. */
  changed: string[];
  /** Names of upstreams that are no longer configured. */
  removed: string[];
  /** Blocks beside the settings that are others now and hold at once: `roles`. */
  applied: string[];
  /** Settings that are others now, which take effect only when Switchboard is started again. */
  restartNeeded: string[];
}

/** @param atOnce names of what needs no start to hold */
export function changeOf(
  before: { settings: Written; upstreams: Upstreams },
  after: { settings: Written; upstreams: Upstreams },
  atOnce: readonly string[] = [],
): Change {
  const settings = Object.keys(after.settings).filter(
    (name) => !isDeepStrictEqual(before.settings[name], after.settings[name]),
  );
  const names = Object.keys(after.upstreams);
  return {
    added: names.filter((name) => !Object.hasOwn(before.upstreams, name)),
    changed: names.filter(
      (name) =>
        Object.hasOwn(before.upstreams, name) && !isDeepStrictEqual(before.upstreams[name], after.upstreams[name]),
    ),
    removed: Object.keys(before.upstreams).filter((name) => !Object.hasOwn(after.upstreams, name)),
    applied: settings.filter((name) => atOnce.includes(name)),
    restartNeeded: settings.filter((name) => !atOnce.includes(name)),
  };
}
