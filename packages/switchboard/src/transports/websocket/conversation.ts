/** What the store has of a conversation that can be resumed, and under which names. */
import { createHash, randomBytes } from 'node:crypto';
import { z } from 'zod';

import { asObject } from '../../protocol/jsonrpc.ts';
import type { Entry as LogEntry } from '../../stores/store.ts';

/** A conversation as its process left it, or as it was when it was last written. */
export interface Conversation {
  /** Whose it is. */
  owner: string;
  /** How many messages had arrived; only where the process had the time to say so. */
  received?: number | undefined;
  /** How many its process had sent then. */
  sent?: number | undefined;
}

export const CONVERSATION: z.ZodType<Conversation> = z.object({
  owner: z.string(),
  received: z.number().int().min(0).optional(),
  sent: z.number().int().min(0).optional(),
});

export const newToken = (): string => randomBytes(16).toString('base64url');
export const digestOf = (token: string): string => createHash('sha256').update(token).digest('base64url');
/** The store learns a digest only: who can read it has no token. */
export const keyOf = (digest: string): string => `resume ${digest}`;
export const logOf = (id: string): string => `conversation ${id}`;

export const isCount = (value: unknown): value is number =>
  typeof value === 'number' && Number.isSafeInteger(value) && value >= 0;

export const isRpcId = (value: unknown): value is string | number =>
  typeof value === 'string' || typeof value === 'number';

/** The requests that are answered by these messages. */
export function idsIn(entries: readonly LogEntry[]): Set<unknown> {
  const answers = entries.flatMap((entry) => {
    const message = asObject(typeof entry === 'string' ? entry : Buffer.from(entry).toString());
    return message === undefined || 'method' in message ? [] : [message['id']];
  });
  return new Set(answers);
}
