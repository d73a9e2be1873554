/**
 * The right of one process alone to use a store that other machines could reach: a lease that it renews, so that a second one finds out, and does
 * not go on with the same sessions. Nodes of a cluster need none, and use no store that a process has for itself.
 */
import { randomUUID } from 'node:crypto';
import { setTimeout as pause } from 'node:timers/promises';

import { SwitchboardError } from '../protocol/errors.ts';
import type { Lease, SharedStore } from '../stores/store.ts';
import { counted } from '../util/counted.ts';
import { owned } from '../util/owned.ts';
import { unreffed } from '../util/timers.ts';
import { recordedNodes } from './nodes.ts';

export interface SoleUseOptions {
  /** As it is, without seals: whoever uses it without a key counts too. */
  store: SharedStore;
  /** Another process uses the store now, and goes on with what was here. Called once. */
  onLost(error: SwitchboardError): void;
  /** How long the lease holds unless it is renewed, in ms; it is renewed three times in that time. @default 3000 */
  leaseMs?: number;
}

const NAME = 'alone';
const LEASE_MS = 3000;
const BEATS = 3;
const POLL_MS = 100;
/** What another process may need to end its lease, beyond the time for which that holds. */
const LATE_MS = 500;

export class SoleUse {
  readonly #options: SoleUseOptions;
  readonly #leaseMs: number;
  readonly #owner = randomUUID();
  #lease: Lease | undefined;
  #timer: NodeJS.Timeout | undefined;
  #beating: Promise<void> | undefined;
  #closed = false;

  constructor(options: SoleUseOptions) {
    this.#options = options;
    this.#leaseMs = options.leaseMs ?? LEASE_MS;
  }

  /** Under which this process writes; before it has the right, one that no store knows, so that what is written waits. */
  get lease(): Lease {
    return this.#lease ?? { name: NAME, owner: this.#owner, epoch: 0 };
  }

  /**
   * Gets the right. One that was killed has it for as long as its lease holds, and is waited for. While the store is away nobody can get it: then it
   * is asked for when the store is back.
   *
   * @throws {SwitchboardError} `SWB_STORE_IN_USE`
   */
  async join(): Promise<void> {
    try {
      await whileHeld(this.#leaseMs, () => this.#acquire());
      const nodes = await recordedNodes({ facts: this.#options.store.facts });
      if (nodes.length > 0)
        throw inUse(`${counted(nodes.length, 'node')} of a cluster: ${nodes.map(({ name }) => name).join(', ')}`);
    } catch (error) {
      if (codeOf(error) !== 'SWB_STORE_UNAVAILABLE') {
        await this.close();
        throw error;
      }
    }
    if (this.#closed) await this.#release();
    else this.#timer = unreffed(setInterval(() => this.#beat(), this.#leaseMs / BEATS));
  }

  /** Lets others have it. Idempotent. */
  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    clearInterval(this.#timer);
    await this.#beating;
    await this.#release();
  }

  async #release(): Promise<void> {
    if (this.#lease !== undefined) await this.#options.store.leases.release(this.#lease).catch(() => {});
  }

  /** One at a time. Never rejects: while the store is away, what is here goes on. */
  #beat(): void {
    this.#beating ??= this.#renew()
      .catch((error: unknown) => {
        if (codeOf(error) !== 'SWB_STORE_IN_USE' || this.#closed) return;
        clearInterval(this.#timer);
        this.#options.onLost(error as SwitchboardError);
      })
      .finally(() => (this.#beating = undefined));
    owned(
      () => this.#beating,
      () => {},
    );
  }

  async #renew(): Promise<void> {
    const { leases } = this.#options.store;
    const isHeld = this.#lease !== undefined && (await leases.renew(this.#lease, this.#leaseMs));
    if (!isHeld && !this.#closed) await this.#acquire();
  }

  async #acquire(): Promise<void> {
    const acquired = await this.#options.store.leases.acquire(NAME, this.#owner, this.#leaseMs);
    if (!('lease' in acquired)) throw inUse('a Switchboard that has it for itself');
    this.#lease = acquired.lease;
  }
}

/**
 * For a node of a cluster that has joined: no process may have the store for itself.
 *
 * @param leaseMs for how long one that was killed may have it.
 * @throws {SwitchboardError} `SWB_STORE_IN_USE`, `SWB_STORE_UNAVAILABLE`
 */
export function mustBeShared({ leases }: SharedStore, leaseMs: number = LEASE_MS): Promise<void> {
  return whileHeld(leaseMs, async () => {
    if ((await leases.holder(NAME)) !== undefined) throw inUse('a Switchboard that has it for itself');
  });
}

/** Whether a process has a store for itself now. Rejects with `SWB_STORE_UNAVAILABLE`. */
export const isUsedAlone = async ({ leases }: Pick<SharedStore, 'leases'>): Promise<boolean> =>
  (await leases.holder(NAME)) !== undefined;

/** Tries until it does not fail because of the lease of a process that may have ended. */
async function whileHeld(leaseMs: number, work: () => Promise<void>): Promise<void> {
  const until = performance.now() + leaseMs + LATE_MS;
  for (;;) {
    try {
      return await work();
    } catch (error) {
      if (codeOf(error) !== 'SWB_STORE_IN_USE' || performance.now() > until) throw error;
      await pause(POLL_MS);
    }
  }
}

const codeOf = (error: unknown): unknown => (error instanceof SwitchboardError ? error.code : undefined);

const inUse = (who: string): SwitchboardError =>
  new SwitchboardError('SWB_STORE_IN_USE', {
    detail: `by ${who}. For several, give each of them peerListen and the key of the cluster; otherwise another ?prefix= in the URL`,
  });
