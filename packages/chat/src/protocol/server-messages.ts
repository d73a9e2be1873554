/**
 * What the server sends (docs/reference/chat-protocol.md). A client without `chat.v2` gets the first eight types alone, and of those
 * only the fields that are not optional.
 */
import { z } from 'zod';

import { endedSchema, entrySchema, imageSchema, stoppedSchema, usageSchema } from './history.ts';
import type { Ended, Entry, Image, Stopped, Usage } from './history.ts';

/** The first message on every connection. */
export interface ConnectionEstablished {
  type: 'connection_established';
  session_id: string;
  message: string;
  /** Whether queries are answered already, without an `auth`. */
  authenticated: boolean;
  protocol?: 'chat.v2';
  /** For `resume`. A secret of this client. */
  resume_token?: string;
  /** Which model answers; `offline` where there is none. */
  model?: string;
  /** The word by which the model is called in a room, without its `@`. */
  mention?: string;
}

/** The credentials are good. */
export interface AuthSuccess {
  type: 'auth_success';
  message: string;
  authenticated: true;
}

/** The credentials are not good, or could not be tried. */
export interface AuthError {
  type: 'auth_error';
  message: string;
}

/** The whole answer of the model, at the end of a turn. */
export interface Response {
  type: 'response';
  /** Markdown. */
  message: string;
  turn?: string;
  seq?: number;
  stopped?: Stopped;
  usage?: Usage;
}

/** A query was taken up. */
export interface Processing {
  type: 'processing';
  message: string;
  turn?: string;
  /** The id of the query, told to the client that gave it. */
  id?: string;
  /** Who asked. */
  from?: string;
}

/** A sentence for the person that is part of no answer. */
export interface Info {
  type: 'info';
  message: string;
  /** What happened, for programs. */
  event?: 'empty' | 'cleared' | 'goodbye' | 'idle' | 'heard' | 'retrying' | 'shortened';
}

/** A message of the client could not be served. */
export interface ErrorMessage {
  type: 'error';
  message: string;
  code?: ChatErrorCode;
  turn?: string;
  id?: string;
}

/** The answer to a `ping`. */
export interface Pong {
  type: 'pong';
}

/** The answer to a `logout`. */
export interface LoggedOut {
  type: 'logged_out';
  message: string;
  authenticated: boolean;
}

/** An entry was added to the conversation by somebody: in a room, also what others say. */
export interface Said {
  type: 'said';
  entry: Entry;
}

/** A piece of the model's answer. */
export interface Delta {
  type: 'delta';
  turn: string;
  text: string;
}

/** The model uses a tool. */
export interface ToolCall {
  type: 'tool_call';
  turn: string;
  call: string;
  name: string;
  /** Whose tool it is; absent for the chat's own `find_tools`, and for a tool that does not exist. */
  server?: string;
  title?: string;
  arguments: Record<string, unknown>;
  /** With whose rights. */
  by: string;
}

/** A tool tells how far it is. */
export interface ToolProgress {
  type: 'tool_progress';
  turn: string;
  call: string;
  progress: number;
  total?: number;
  message?: string;
}

/** A tool has ended. */
export interface ToolResult {
  type: 'tool_result';
  turn: string;
  call: string;
  name: string;
  seq: number;
  /** As in the `tool_call`. */
  server?: string;
  is_error: boolean;
  /** Why it is no failure of the tool, though `is_error` is true. */
  ended?: Ended;
  text: string;
  images?: Image[];
  truncated: boolean;
}

/** A tool asks the person something (MCP, elicitation). */
export interface Question {
  type: 'question';
  question: string;
  /** The name of the server that asks. */
  server: string;
  message: string;
  /** What to fill in: a flat JSON Schema object. */
  schema?: Record<string, unknown>;
  /** A page to open instead, after the person has agreed. */
  url?: string;
  /** Until when it can be answered, ISO 8601. */
  expires_at: string;
}

/** A tool that may destroy something waits for the person's word. */
export interface ApprovalRequest {
  type: 'approval_request';
  approval: string;
  turn: string;
  call: string;
  name: string;
  /** Whose tool it is. */
  server: string;
  title?: string;
  arguments: Record<string, unknown>;
  message: string;
  /** Until when it can be answered, ISO 8601. */
  expires_at: string;
}

/** A question or an approval need no answer any more. */
export interface Closed {
  type: 'closed';
  /** The id of the question or approval. */
  id: string;
  reason: 'answered' | 'cancelled' | 'timeout';
}

/** The session was taken up again, and nothing was lost. */
export interface Resumed {
  type: 'resumed';
  session_id: string;
  message: string;
  authenticated: boolean;
  /** The next one; the old one is worth nothing any more. */
  resume_token: string;
  /** The room that the session is in. */
  room?: string;
}

/** Entries of the conversation. */
export interface History {
  type: 'history';
  /** In their order. */
  entries: Entry[];
  /** Whether there are older ones. */
  more: boolean;
}

/** A tool as the model sees it. */
export interface ToolSummary {
  name: string;
  /** Whose tool it is. */
  server: string;
  title?: string;
  description?: string;
  /** Whether a person is asked before it runs. */
  destructive: boolean;
}

/** The tools of this person; sent again when they change. */
export interface Tools {
  type: 'tools';
  tools: ToolSummary[];
}

/** The conversation as a file, the answer to an `export`. */
export interface Export {
  type: 'export';
  format: 'markdown' | 'json';
  filename: string;
  content: string;
}

/** The client is in a room now. */
export interface Joined {
  type: 'joined';
  room: string;
  name: string;
  /** The next one, where the session has gone to the node that has the room; the old one is worth nothing any more. */
  resume_token?: string;
}

/** The client has left a room. */
export interface Left {
  type: 'left';
  room: string;
}

/** Who is in the room. */
export interface Presence {
  type: 'presence';
  room: string;
  /** Everybody, in the order in which they came. */
  people: { name: string; typing: boolean; connected: boolean }[];
}

/** Why a message could not be served; the page of the protocol explains each. */
export type ChatErrorCode =
  | 'not_authenticated'
  | 'invalid_message'
  | 'unknown_type'
  | 'too_many_turns'
  | 'rate_limited'
  | 'token_limit'
  | 'too_long'
  | 'provider'
  | 'not_found'
  | 'forbidden'
  | 'full'
  | 'unavailable'
  | 'internal';

/** Any message of the server. */
export type ServerMessage =
  | ConnectionEstablished
  | AuthSuccess
  | AuthError
  | Response
  | Processing
  | Info
  | ErrorMessage
  | Pong
  | LoggedOut
  | Said
  | Delta
  | ToolCall
  | ToolProgress
  | ToolResult
  | Question
  | ApprovalRequest
  | Closed
  | Resumed
  | History
  | Tools
  | Export
  | Joined
  | Left
  | Presence;

const text = z.string();
const optional = text.exactOptional();
const callArguments = z.record(text, z.unknown());

const messages = [
  z.object({
    type: z.literal('connection_established'),
    session_id: text,
    message: text,
    authenticated: z.boolean(),
    protocol: z.literal('chat.v2').exactOptional(),
    resume_token: optional,
    model: optional,
    mention: optional,
  }),
  z.object({ type: z.literal('auth_success'), message: text, authenticated: z.literal(true) }),
  z.object({ type: z.literal('auth_error'), message: text }),
  z.object({
    type: z.literal('response'),
    message: text,
    turn: optional,
    seq: z.int().exactOptional(),
    stopped: stoppedSchema.exactOptional(),
    usage: usageSchema.exactOptional(),
  }),
  z.object({ type: z.literal('processing'), message: text, turn: optional, id: optional, from: optional }),
  z.object({
    type: z.literal('info'),
    message: text,
    event: z.enum(['empty', 'cleared', 'goodbye', 'idle', 'heard', 'retrying', 'shortened']).exactOptional(),
  }),
  z.object({
    type: z.literal('error'),
    message: text,
    code: z
      .enum([
        'not_authenticated',
        'invalid_message',
        'unknown_type',
        'too_many_turns',
        'rate_limited',
        'token_limit',
        'too_long',
        'provider',
        'not_found',
        'forbidden',
        'full',
        'unavailable',
        'internal',
      ])
      .exactOptional(),
    turn: optional,
    id: optional,
  }),
  z.object({ type: z.literal('pong') }),
  z.object({ type: z.literal('logged_out'), message: text, authenticated: z.boolean() }),
  z.object({ type: z.literal('said'), entry: entrySchema }),
  z.object({ type: z.literal('delta'), turn: text, text }),
  z.object({
    type: z.literal('tool_call'),
    turn: text,
    call: text,
    name: text,
    server: optional,
    title: optional,
    arguments: callArguments,
    by: text,
  }),
  z.object({
    type: z.literal('tool_progress'),
    turn: text,
    call: text,
    progress: z.number(),
    total: z.number().exactOptional(),
    message: optional,
  }),
  z.object({
    type: z.literal('tool_result'),
    turn: text,
    call: text,
    name: text,
    seq: z.int(),
    server: optional,
    is_error: z.boolean(),
    ended: endedSchema.exactOptional(),
    text,
    images: z.array(imageSchema).exactOptional(),
    truncated: z.boolean(),
  }),
  z.object({
    type: z.literal('question'),
    question: text,
    server: text,
    message: text,
    schema: callArguments.exactOptional(),
    url: optional,
    expires_at: z.iso.datetime(),
  }),
  z.object({
    type: z.literal('approval_request'),
    approval: text,
    turn: text,
    call: text,
    name: text,
    server: text,
    title: optional,
    arguments: callArguments,
    message: text,
    expires_at: z.iso.datetime(),
  }),
  z.object({ type: z.literal('closed'), id: text, reason: z.enum(['answered', 'cancelled', 'timeout']) }),
  z.object({
    type: z.literal('resumed'),
    session_id: text,
    message: text,
    authenticated: z.boolean(),
    resume_token: text,
    room: optional,
  }),
  z.object({ type: z.literal('history'), entries: z.array(entrySchema), more: z.boolean() }),
  z.object({
    type: z.literal('tools'),
    tools: z.array(
      z.object({
        name: text,
        server: text,
        title: optional,
        description: optional,
        destructive: z.boolean(),
      }),
    ),
  }),
  z.object({ type: z.literal('export'), format: z.enum(['markdown', 'json']), filename: text, content: text }),
  z.object({ type: z.literal('joined'), room: text, name: text, resume_token: optional }),
  z.object({ type: z.literal('left'), room: text }),
  z.object({
    type: z.literal('presence'),
    room: text,
    people: z.array(z.object({ name: text, typing: z.boolean(), connected: z.boolean() })),
  }),
] as const;

/** Checks a message of the server. */
export const serverMessageSchema: z.ZodType<ServerMessage> = z.discriminatedUnion('type', messages);
/** The names of all of them. */
export const serverTypes: ReadonlySet<string> = new Set(messages.map(({ shape }) => shape.type.value));
