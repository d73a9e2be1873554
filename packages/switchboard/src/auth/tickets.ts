/**
 * Tickets: what a page of a browser shows when it opens a WebSocket, as it can set no headers there. Good once, for half a minute,
 * and for the origin that asked for it.
 */
import { createHash, randomBytes } from 'node:crypto';

import type { Fact, Facts } from '../stores/store.ts';
import type { Identity } from './identity.ts';

export const TICKET_MS = 30_000;

/** The store learns a digest only: who can read it has no ticket. */
const keyOf = (ticket: string): string => `ticket ${createHash('sha256').update(ticket).digest('base64url')}`;

export class Tickets {
  readonly #facts: Facts;

  constructor(facts: Facts) {
    this.#facts = facts;
  }

  /** @param origin of the page that asks. @returns 192 random bits. */
  async issue(identity: Identity, origin: string | undefined): Promise<string> {
    const ticket = randomBytes(24).toString('base64url');
    const fact: Fact = { identity: JSON.stringify(identity), origin: origin ?? '' };
    await this.#facts.put(keyOf(ticket), fact, TICKET_MS);
    return ticket;
  }

  /** Uses the ticket up, also when it is for another origin. */
  async take(ticket: string, origin: string | undefined): Promise<Identity | undefined> {
    const fact = await this.#facts.take(keyOf(ticket));
    if (fact === undefined || fact['origin'] !== (origin ?? '')) return undefined;
    return JSON.parse(String(fact['identity'])) as Identity;
  }
}
