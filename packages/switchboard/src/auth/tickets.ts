/**
 * Tickets: what a page of a browser shows when it opens a WebSocket, as it can set no headers there. Good once, for half a minute,
 * and for the origin that asked for it.
 */
import { createHash, randomBytes } from 'node:crypto';
import { z } from 'zod';

import { Records } from '../stores/records.ts';
import type { Facts, StoreNotice } from '../stores/store.ts';
import { IDENTITY } from './identity-schema.ts';
import type { Identity } from './identity.ts';

export const TICKET_MS = 30_000;

/** How far the clocks of two nodes may be apart. */
const SKEW_MS = 30_000;

/** It says itself when it ends: who writes to the store could put it back. */
const schema = z.object({ identity: IDENTITY, origin: z.string(), endsAt: z.number() });

/** The store learns a digest only: who can read it has no ticket. */
const digestOf = (ticket: string): string => createHash('sha256').update(ticket).digest('base64url');

export class Tickets {
  readonly #records: Records<z.infer<typeof schema>>;

  /** @param onNotice told of what is in the store and is no ticket. */
  constructor(facts: Facts, onNotice: (notice: StoreNotice) => void) {
    this.#records = new Records({ facts, kind: 'ticket', schema, onNotice });
  }

  /** @param origin of the page that asks. @returns 192 random bits. */
  async issue(identity: Identity, origin: string | undefined): Promise<string> {
    const ticket = randomBytes(24).toString('base64url');
    const endsAt = Date.now() + TICKET_MS;
    await this.#records.put(digestOf(ticket), { identity, origin: origin ?? '', endsAt }, TICKET_MS);
    return ticket;
  }

  /** Uses the ticket up, also when it is for another origin. */
  async take(ticket: string, origin: string | undefined): Promise<Identity | undefined> {
    const kept = await this.#records.take(digestOf(ticket));
    if (kept === undefined || kept.endsAt + SKEW_MS <= Date.now()) return undefined;
    return kept.origin === (origin ?? '') ? kept.identity : undefined;
  }
}
