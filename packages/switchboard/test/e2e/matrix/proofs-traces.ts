/** What must be true of all that was said, when everything else is over. */
import { expect } from 'vitest';

import type { Json } from '../../support/wire.ts';
import { metaOf } from './cell.ts';
import type { Proofs } from './cell.ts';
import type { Era } from './peer.ts';

const MODERN_RESULT_KEYS = ['resultType', 'ttlMs', 'cacheScope', 'inputRequests', 'requestState'];
const RESERVED = 'io.modelcontextprotocol/';
/** The only reserved key that the legacy era has, of tasks. */
const RELATED = `${RESERVED}related-task`;
const LEGACY_CODES = [-32002, -32042];
const MODERN_CODES = [-32020, -32021, -32022];

/** The words of a message that its reader does not know, each with where it stands. */
function foreignWords(era: Era, message: Json): string[] {
  const { method, id, params, result, error } = message as {
    method?: string;
    id?: unknown;
    error?: { code: number };
  } & Json;
  const body = (result ?? params ?? {}) as Json;
  const reserved = Object.keys(metaOf(body)).filter((key) => key.startsWith(RESERVED));
  const found: string[] = [];
  if (era === 'legacy') {
    if (result !== undefined) found.push(...MODERN_RESULT_KEYS.filter((key) => key in body));
    found.push(...reserved.filter((key) => key !== RELATED));
    if (error !== undefined && MODERN_CODES.includes(error.code)) found.push(`error ${error.code}`);
    return found;
  }
  if (method !== undefined && id !== undefined) found.push(`request ${method}`);
  if (error !== undefined && LEGACY_CODES.includes(error.code)) found.push(`error ${error.code}`);
  if (result !== undefined && !('resultType' in body)) found.push('a result without resultType');
  const isChange = method !== undefined && /list_changed$|resources\/updated$/.test(method);
  const tag = metaOf(body)[`${RESERVED}subscriptionId`];
  if (isChange && (tag === undefined || tag === '')) found.push(`${method} of no subscription`);
  return found;
}

export const traces: Proofs = {
  vocabulary: {
    async holds({ peer }) {
      expect(peer.heard.length).toBeGreaterThan(50);
      const foreign = peer.heard.flatMap((message) => foreignWords(peer.era, message));
      expect(foreign).toEqual([]);
      // Else the test would pass without looking.
      expect(foreignWords('legacy', { id: 1, result: { resultType: 'complete' } })).toEqual(['resultType']);
      expect(foreignWords('modern', { id: 1, method: 'ping' })).toEqual(['request ping']);
    },
  },
  bystander: {
    async holds({ bystanders }) {
      for (const { person, heard } of bystanders) {
        expect(person.forget()).toEqual([]);
        const overheard = heard.filter(({ method }) =>
          ['notifications/message', 'notifications/resources/updated', 'notifications/progress'].includes(
            String(method),
          ),
        );
        expect(overheard).toEqual([]);
      }
    },
  },
  'nothing-left': {
    async holds({ peer, served, bystanders }) {
      await peer.close();
      await expect.poll(() => served.stats().connections, { timeout: 10_000 }).toBe(bystanders.length);
      // One of the bystanders listens.
      await expect.poll(() => served.stats().exchanges, { timeout: 10_000 }).toBe(1);
      expect(served.stats().parked).toBe(0);
    },
  },
};
