/**
 * What a legacy session is rebuilt from when another process goes on with it: what its client said of itself, and what it watches. Nothing in
 * it lets anybody in: it is found by a digest of the session's id, and worth something only to who shows again who it is.
 */
import { createHash } from 'node:crypto';
import { z } from 'zod';

import { bindingOf } from '../auth/identity.ts';
import type { Identity } from '../auth/identity.ts';
import type { JsonObject } from '../protocol/jsonrpc.ts';
import type { Upstream } from '../router/exchange.ts';
import type { Arrival } from './arrival.ts';
import type { SessionNotes } from './session-facts.ts';

/** Longer lists and texts were written by somebody else. */
const MAX_WATCHED = 10_000;
const MAX_TEXT = 4096;
const text = z.string().max(MAX_TEXT);
const object = z.record(z.string(), z.unknown());

/** One session, as another process finds it. */
export interface SessionRecord {
  /** Its name in logs and tables. */
  id: string;
  upstream: string;
  /** Whose it is, see `bindingOf`. */
  caller: string;
  /** Of the values that it brought for its server, so that they stay as they were. */
  credentials: string;
  /** What the client named. */
  version: string;
  /** What was agreed on. */
  negotiated: string;
  capabilities: JsonObject;
  clientInfo?: JsonObject | undefined;
  logLevel?: string | undefined;
  /** Whether the client has said that it is initialized. */
  announced: boolean;
  /** The resources that it watches. */
  watched: string[];
  /** Requests that are not answered, with the event streams that their answers go to. */
  open: { stream: string; id: string | number }[];
  /** How many event streams there were. */
  streams: number;
  /** In ms since 1970. */
  startedAt: number;
  groups?: string[] | undefined;
  metadata?: Record<string, string> | undefined;
  /** Whether its process has left it as it stands here; one that was killed may have got further. */
  left?: boolean | undefined;
}

export const SESSION_RECORD: z.ZodType<SessionRecord> = z.object({
  id: text.min(1),
  upstream: text,
  caller: z.string(),
  credentials: text,
  version: text.min(1),
  negotiated: text.min(1),
  capabilities: object,
  clientInfo: object.optional(),
  logLevel: text.optional(),
  announced: z.boolean(),
  watched: z.array(text).max(MAX_WATCHED),
  open: z.array(z.object({ stream: text, id: z.union([z.string(), z.number()]) })).max(MAX_WATCHED),
  streams: z.number().int().min(0),
  startedAt: z.number(),
  groups: z.array(text).optional(),
  metadata: z.record(z.string(), z.string()).optional(),
  left: z.boolean().optional(),
});

/** The part of it that the conversation itself knows. */
export type SpokenRecord = Pick<
  SessionRecord,
  'version' | 'negotiated' | 'capabilities' | 'clientInfo' | 'logLevel' | 'announced' | 'watched'
>;

/** What a secret is known by in a store. */
export const digestOf = (secret: string): string => createHash('sha256').update(secret).digest('base64url');

/** What stands in a record for the values that a caller brings. */
export const credentialsDigest = (headers: Readonly<Record<string, string>>): string =>
  digestOf(JSON.stringify(Object.entries(headers).toSorted(([a], [b]) => (a < b ? -1 : 1))));

/** Whether a record is of this caller, at this upstream: for everybody else there is no such session. */
export const isRecordOf = (
  { caller, upstream }: Pick<SessionRecord, 'caller' | 'upstream'>,
  identity: Identity,
  at: Pick<Upstream, 'name'>,
): boolean => caller === bindingOf(identity) && upstream === at.name;

/** The record of a session as it is now. */
export function recordOf(
  spoken: SpokenRecord,
  { id, upstream, identity, credentials }: Pick<Arrival, 'id' | 'upstream' | 'identity' | 'credentials'>,
  { groups, metadata }: SessionNotes,
  carried: Pick<SessionRecord, 'open' | 'streams' | 'startedAt'>,
): SessionRecord {
  return {
    id,
    upstream: upstream.name,
    caller: bindingOf(identity),
    credentials: credentialsDigest(credentials.headers),
    ...spoken,
    ...carried,
    ...(groups !== undefined && { groups: [...groups] }),
    ...(metadata !== undefined && { metadata: { ...metadata } }),
  };
}

/** What a program had kept with a session. */
export const notesOf = ({ groups, metadata }: Partial<SessionRecord> = {}): SessionNotes => ({
  ...(groups !== undefined && { groups }),
  ...(metadata !== undefined && { metadata }),
});
