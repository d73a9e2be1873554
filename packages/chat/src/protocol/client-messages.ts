/** What a client sends (docs/reference/chat-protocol.md). The first three are all that a client without `chat.v2` needs. */
import { z } from 'zod';

/** Shows credentials for the servers behind the chat; again to change them. */
export interface Auth {
  type: 'auth';
  api_key: string;
  org_id: string;
}

/** Says something; `clear` and `quit` are commands. */
export interface Query {
  type: 'query';
  content: string;
  /** The client's own name for it, in what comes back at once. */
  id?: string;
}

/** Asks for a `pong`. */
export interface Ping {
  type: 'ping';
}

/** Gives up the credentials, and what is under way with them. */
export interface Logout {
  type: 'logout';
}

/** Stops a turn that this person began; without `turn` all of them. */
export interface Cancel {
  type: 'cancel';
  turn?: string;
}

/** Answers a `question`. */
export interface Answer {
  type: 'answer';
  question: string;
  action: 'accept' | 'decline' | 'cancel';
  /** With `accept`: what was filled in, by the names of the question's schema. */
  content?: Record<string, string | number | boolean | string[]>;
}

/** Answers an `approval_request`. */
export interface Approval {
  type: 'approval';
  approval: string;
  approved: boolean;
}

/** Whether this person is writing; told to the others in the room. */
export interface Typing {
  type: 'typing';
  active: boolean;
}

/** Takes up a session whose socket was cut; the first message, or none. */
export interface Resume {
  type: 'resume';
  session_id: string;
  resume_token: string;
  /** The `seq` of the last entry that the client has. */
  after: number;
}

/** Goes into a room, or makes it. */
export interface Join {
  type: 'join';
  /** Letters, digits, dashes and underscores; without it a room with a name not to be guessed is made. */
  room?: string;
  /** What the others see. */
  name: string;
}

/** Goes back to the conversation of one's own. */
export interface Leave {
  type: 'leave';
}

/** Asks for entries of the conversation, the newest before `before`. */
export interface HistoryRequest {
  type: 'history';
  before?: number;
  /** @default 100, which is the most */
  limit?: number;
}

/** Asks for the list of tools. */
export interface ToolsRequest {
  type: 'tools';
}

/** Asks for the conversation as a file. */
export interface ExportRequest {
  type: 'export';
  format: 'markdown' | 'json';
}

/** Any message of a client. */
export type ClientMessage =
  | Auth
  | Query
  | Ping
  | Logout
  | Cancel
  | Answer
  | Approval
  | Typing
  | Resume
  | Join
  | Leave
  | HistoryRequest
  | ToolsRequest
  | ExportRequest;

/** What a client may send that has not agreed on `chat.v2`. */
export const BASIC_TYPES: readonly string[] = ['auth', 'query', 'ping'];

/** The longest id that a client may give. */
const MAX_ID = 128;
const id = z.string().min(1).max(MAX_ID);
/** What others see of a person is one line of print. */
const personName = z
  .string()
  .trim()
  .min(1)
  .max(40)
  .regex(/^[\p{L}\p{N}][\p{L}\p{N} ._'-]*$/u, 'expected letters, digits, spaces and . _ - only');

const messages = [
  z.object({ type: z.literal('auth'), api_key: z.string().max(8192), org_id: z.string().max(512) }),
  z.object({ type: z.literal('query'), content: z.string(), id: id.exactOptional() }),
  z.object({ type: z.literal('ping') }),
  z.object({ type: z.literal('logout') }),
  z.object({ type: z.literal('cancel'), turn: id.exactOptional() }),
  z.object({
    type: z.literal('answer'),
    question: id,
    action: z.enum(['accept', 'decline', 'cancel']),
    content: z.record(z.string(), z.union([z.string(), z.number(), z.boolean(), z.array(z.string())])).exactOptional(),
  }),
  z.object({ type: z.literal('approval'), approval: id, approved: z.boolean() }),
  z.object({ type: z.literal('typing'), active: z.boolean() }),
  z.object({ type: z.literal('resume'), session_id: id, resume_token: id, after: z.int().min(0) }),
  z.object({
    type: z.literal('join'),
    room: z
      .string()
      .regex(/^[A-Za-z0-9_-]{1,64}$/, 'expected 1 to 64 letters, digits, dashes and underscores')
      .exactOptional(),
    name: personName,
  }),
  z.object({ type: z.literal('leave') }),
  z.object({
    type: z.literal('history'),
    before: z.int().min(1).exactOptional(),
    limit: z.int().min(1).max(100).exactOptional(),
  }),
  z.object({ type: z.literal('tools') }),
  z.object({ type: z.literal('export'), format: z.enum(['markdown', 'json']) }),
] as const;

/** Checks a message of a client. */
export const clientMessageSchema: z.ZodType<ClientMessage> = z.discriminatedUnion('type', messages);
/** The names of all of them. */
export const clientTypes: ReadonlySet<string> = new Set(messages.map(({ shape }) => shape.type.value));
