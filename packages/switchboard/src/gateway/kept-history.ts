/**
 * Lets the charts of operators go on after a restart: what the rings of a {@link History} hold is written behind to the store, in parts that are
 * gone when they are too old to be shown. A process that is killed loses its last minute; no call waits for any of it.
 */
import { createHash } from 'node:crypto';
import { z } from 'zod';

import type { Change } from '../observe/changes.ts';
import type { History } from '../observe/history.ts';
import type { Ring, SavedStep } from '../observe/ring.ts';
import { SECONDS } from '../observe/tally.ts';
import { Records } from '../stores/records.ts';
import type { SharedStore, StoreNotice } from '../stores/store.ts';
import { owned } from '../util/owned.ts';

export interface KeptHistoryOptions {
  store: SharedStore;
  history: History;
  /** Names this process and the one that goes on for it; of several that use the store at a time each has another. */
  name(): string;
  /** Those that are served. */
  upstreams(): readonly string[];
  onNotice(notice: StoreNotice): void;
  /** @default Date.now */
  now?(): number;
}

const WRITTEN_EVERY_MS = 60_000;
/** How long a part is good beyond the time that it is about, in ms. */
const SPARE_MS = 600_000;
const DAY_MS = 86_400_000;
/** The longest that a step of {@link Ring.saved} can be. */
const MAX_STEP = 64;
/** More than one part ever holds. */
const MAX_STEPS = 500;
/** So many of the newest changes are kept. */
const MAX_CHANGES = 100;

/** Of each ring how many steps one part has, and for how long it is shown. */
const PARTS = {
  seconds: { steps: 300, shownMs: 3_610_000 },
  minutes: { steps: 360, shownMs: DAY_MS },
} as const;
type PartName = keyof typeof PARTS;
const PART_NAMES = Object.keys(PARTS) as PartName[];

interface PartRecord {
  steps: SavedStep[];
}
interface UpstreamRecord {
  minutes: SavedStep[];
  quarters: SavedStep[];
}
interface ChangesRecord {
  changes: Change[];
}

const steps = z.array(z.array(z.number().nonnegative()).max(MAX_STEP)).max(MAX_STEPS);
const PART: z.ZodType<PartRecord> = z.object({ steps });
const UPSTREAM: z.ZodType<UpstreamRecord> = z.object({ minutes: steps, quarters: steps });
const CHANGES: z.ZodType<ChangesRecord> = z.object({
  changes: z
    .array(
      z.object({
        time: z.number(),
        type: z.string(),
        level: z.enum(['info', 'warn', 'error']),
        upstream: z.string().optional(),
        action: z.string().optional(),
        text: z.string(),
        count: z.number(),
      }),
    )
    .max(MAX_CHANGES),
});

export class KeptHistory {
  readonly #options: KeptHistoryOptions;
  readonly #now: () => number;
  readonly #parts: Records<PartRecord>;
  readonly #upstreams: Records<UpstreamRecord>;
  readonly #changes: Records<ChangesRecord>;
  /** {@link Ring.changes} of each upstream when it was written. */
  readonly #written: Map<string, number> = new Map();
  #name = '';
  #writtenAt = 0;
  #timer: NodeJS.Timeout | undefined;
  #isBegun = false;
  #isClosed = false;

  constructor(options: KeptHistoryOptions) {
    const { store, history, onNotice, now = Date.now } = options;
    this.#options = options;
    this.#now = now;
    // What another version has written in another way is not looked at.
    const layout = digestOf([history.rings.seconds.gauges, SECONDS]);
    const { facts } = store;
    this.#parts = new Records({ facts, kind: `history-${layout}`, schema: PART, onNotice });
    this.#upstreams = new Records({ facts, kind: `history-${layout}-server`, schema: UPSTREAM, onNotice });
    this.#changes = new Records({ facts, kind: 'history-changes', schema: CHANGES, onNotice });
  }

  /**
   * Goes on with what the process before has left, and writes from then on. Never rejects: where nothing can be read, the charts begin here.
   * Call it once the name is known; further calls do nothing.
   */
  async begin(): Promise<void> {
    if (this.#isBegun) return;
    this.#isBegun = true;
    this.#name = this.#options.name();
    const begunAt = this.#now();
    await this.#restore().catch(() => {});
    if (this.#isClosed) return;
    this.#writtenAt = begunAt;
    this.#timer = setInterval(() => owned(() => this.#write(), ignored), WRITTEN_EVERY_MS).unref();
  }

  /** Writes what was not written. Never rejects. */
  async close(): Promise<void> {
    this.#isClosed = true;
    if (this.#timer === undefined) return;
    clearInterval(this.#timer);
    await this.#write().catch(ignored);
  }

  async #restore(): Promise<void> {
    const { history, upstreams } = this.#options;
    const now = this.#now();
    const parts = PART_NAMES.flatMap((name) => {
      const { steps: each, shownMs } = PARTS[name];
      const { stepMs } = history.rings[name];
      const [first, last] = [now - shownMs, now].map((time) => Math.floor(time / stepMs / each)) as [number, number];
      return Array.from({ length: last - first + 1 }, (_, nth) => ({ name, number: first + nth }));
    });
    const ofRings = parts.map(async ({ name, number }) => {
      const record = await this.#parts.get(this.#partName(name, number));
      if (record !== undefined) history.rings[name].restore(now, record.steps);
      return record !== undefined;
    });
    const ofUpstreams = upstreams().map(async (upstream) => {
      const record = await this.#upstreams.get(this.#upstreamName(upstream));
      const rings = record && history.ringsOf(upstream);
      if (rings === undefined) return;
      rings.minutes.restore(now, record!.minutes);
      rings.quarters.restore(now, record!.quarters);
    });
    const changes = this.#changes.get(this.#name);
    const [areKnown] = await Promise.all([Promise.all(ofRings), Promise.all(ofUpstreams), changes]);
    const earlier = ((await changes)?.changes ?? []).filter(({ time }) => time > now - DAY_MS);
    if (!areKnown.includes(true) && earlier.length === 0) return;
    history.restoreChanges([
      ...earlier,
      { time: now, type: 'listening', level: 'info', text: 'Switchboard started again', count: 1 },
    ]);
  }

  async #write(): Promise<void> {
    const { history } = this.#options;
    const [before, now] = [this.#writtenAt, this.#now()];
    const parts = PART_NAMES.flatMap((name) => {
      const { steps: each, shownMs } = PARTS[name];
      const ring = history.rings[name];
      const partOf = (time: number): number => Math.floor(time / ring.stepMs / each);
      const first = partOf(Math.max(before, now - shownMs));
      return Array.from({ length: partOf(now) - first + 1 }, (_, nth) => {
        const from = (first + nth) * each;
        const record = { steps: ring.saved(from, from + each) };
        const ttlMs = shownMs + each * ring.stepMs + SPARE_MS;
        return this.#parts.put(this.#partName(name, first + nth), record, ttlMs);
      });
    });
    const upstreams = history.upstreams.flatMap((upstream) => {
      const { minutes, quarters } = history.ringsOf(upstream)!;
      const { changes } = minutes;
      if (this.#written.get(upstream) === changes) return [];
      const record = { minutes: all(minutes, now), quarters: all(quarters, now) };
      const put = async (): Promise<void> => {
        await this.#upstreams.put(this.#upstreamName(upstream), record, DAY_MS + SPARE_MS);
        this.#written.set(upstream, changes);
      };
      return [put()];
    });
    for (const known of this.#written.keys()) if (!history.upstreams.includes(known)) this.#written.delete(known);
    const changes = history.changes().slice(-MAX_CHANGES);
    await Promise.all([
      ...parts,
      ...upstreams,
      ...(changes.length === 0 ? [] : [this.#changes.put(this.#name, { changes: [...changes] }, DAY_MS + SPARE_MS)]),
    ]);
    // What a store that was away did not get, it gets the next time.
    this.#writtenAt = now;
  }

  #partName(part: PartName, number: number): string {
    return `${this.#name} ${part} ${number}`;
  }

  #upstreamName(upstream: string): string {
    return `${this.#name} ${upstream}`;
  }
}

const ignored = (): void => {};

/** All of a ring, which is small. */
const all = (ring: Pick<Ring, 'stepMs' | 'saved'>, now: number): SavedStep[] => {
  const step = Math.floor(now / ring.stepMs);
  return ring.saved(step - MAX_STEPS, step + 1);
};

const digestOf = (value: unknown): string =>
  createHash('sha256').update(JSON.stringify(value)).digest('hex').slice(0, 8);
