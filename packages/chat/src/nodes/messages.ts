/** What the chats of two nodes say to each other about one client. */
import { z } from 'zod';

import { entrySchema } from '../protocol/history.ts';
import type { Entry } from '../protocol/history.ts';
import type { ChatErrorCode, ServerMessage } from '../protocol/server-messages.ts';
import type { CloseReason } from '../session/link.ts';

/** Who is behind a client, as it was found out where it came in. */
export interface ClientFacts {
  principal: string;
  organization?: string | undefined;
  address: string;
  peer: { address: string; userAgent: string };
}

/** What of a session goes to the node that has the room which the person joins. */
export interface Moving {
  kind: 'join';
  session: string;
  room: string;
  name: string;
  /** What the person has shown, sealed for this session: nodes may speak to each other without TLS. It is written nowhere. */
  credentials?: string;
  /** The own conversation, as far as it is sent at once to a client. */
  entries: Entry[];
  seq: number;
}

/** A client that wants its session back from the node that has it. */
export interface Returning {
  kind: 'resume';
  session_id: string;
  resume_token: string;
  after: number;
}

/** The first message of a line. */
export type Greeting = { visitor: ClientFacts } & (Moving | Returning);

/** From the node that has the session. */
export type Down =
  | { say: ServerMessage }
  | { accepted: true }
  /** With `again` the room was there a moment ago. */
  | { refused: { code: ChatErrorCode; message: string; again?: boolean } }
  | { close: [why: CloseReason, reason: string] }
  /** The session goes to a third node. */
  | { move: { node: string; greeting: object } }
  /** What the client said that was not taken up before the session went. */
  | { rest: string[] };

/** From the node at which the client is. */
export type Up =
  | { text: string }
  | { moved: true }
  | { moved: false; code: ChatErrorCode; message: string; again: boolean };

const code = z.string() as unknown as z.ZodType<ChatErrorCode>;

const downSchema: z.ZodType<Down> = z.union([
  z.object({ say: z.looseObject({ type: z.string() }) as unknown as z.ZodType<ServerMessage> }),
  z.object({ accepted: z.literal(true) }),
  z.object({ refused: z.object({ code, message: z.string(), again: z.boolean().exactOptional() }) }),
  z.object({ close: z.tuple([z.enum(['normal', 'idle', 'goingAway', 'policy', 'overloaded']), z.string()]) }),
  z.object({ move: z.object({ node: z.string(), greeting: z.looseObject({}) }) }),
  z.object({ rest: z.array(z.string()) }),
]);

const upSchema: z.ZodType<Up> = z.union([
  z.object({ text: z.string() }),
  z.object({ moved: z.literal(true) }),
  z.object({ moved: z.literal(false), code, message: z.string(), again: z.boolean() }),
]);

/** @returns undefined for what is none: the answers of other nodes are not signed where they speak without TLS. */
export const readDown = (text: string): Down | undefined => read(downSchema, text);
export const readUp = (text: string): Up | undefined => read(upSchema, text);

function read<Type>(schema: z.ZodType<Type>, text: string): Type | undefined {
  try {
    return schema.parse(JSON.parse(text));
  } catch {
    return undefined;
  }
}

/** What of it is in {@link Moving.credentials}. */
export const credentialsSchema: z.ZodType<{ api_key: string; org_id: string; isProven: boolean }> = z.object({
  api_key: z.string(),
  org_id: z.string(),
  isProven: z.boolean(),
});

const visitor = z.object({
  principal: z.string(),
  organization: z.string().optional(),
  address: z.string(),
  peer: z.object({ address: z.string(), userAgent: z.string() }),
});

/** Checks a {@link Greeting}: the other node may be of another version. */
export const greetingSchema: z.ZodType<Greeting> = z.discriminatedUnion('kind', [
  z.object({
    kind: z.literal('join'),
    visitor,
    session: z.string(),
    room: z.string(),
    name: z.string(),
    credentials: z.string().exactOptional(),
    entries: z.array(entrySchema),
    seq: z.int().min(0),
  }),
  z.object({
    kind: z.literal('resume'),
    visitor,
    session_id: z.string(),
    resume_token: z.string(),
    after: z.int().min(0),
  }),
]);
