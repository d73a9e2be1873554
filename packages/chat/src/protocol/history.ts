/** What a conversation remembers, as people are shown it (docs/reference/chat-protocol.md, "History"). */
import { z } from 'zod';

/** What an answer of the model cost, in tokens, as the provider counted them; estimated where it does not. */
export interface Usage {
  input_tokens: number;
  output_tokens: number;
  /** How many of `input_tokens` the provider had kept from a request before, which costs about a tenth. @default 0 */
  cached_tokens?: number;
}

/**
 * Why the model stopped: it was `done`, somebody `cancelled`, the steps or the `length` of an answer ran out, it `failed`, or the server ended
 * while it answered (`interrupted`).
 */
export type Stopped = 'done' | 'cancelled' | 'steps' | 'length' | 'failed' | 'interrupted';

/**
 * Why a call did not come to its end, where that is no failure of the tool: the person `refused`, or the time to answer `expired`; the
 * person could not be asked (`unasked`); the tool is not what it was when the model chose it (`changed`); the turn was `stopped`.
 */
export type Ended = 'refused' | 'expired' | 'unasked' | 'changed' | 'stopped';

/** An image that a tool gave. */
export interface Image {
  mime_type: string;
  /** Base64. */
  data: string;
}

/** Somebody said something. */
export interface PersonEntry {
  kind: 'person';
  seq: number;
  /** ISO 8601. */
  at: string;
  from: string;
  text: string;
  /** The id that the client gave to the query. */
  id?: string;
}

/** The model answered. */
export interface ModelEntry {
  kind: 'model';
  seq: number;
  at: string;
  turn: string;
  /** Markdown. */
  text: string;
  stopped: Stopped;
  usage: Usage;
}

/** The model used a tool, with the rights of `by`. */
export interface ToolEntry {
  kind: 'tool';
  seq: number;
  at: string;
  turn: string;
  call: string;
  name: string;
  /** Whose tool it is; absent for the chat's own `find_tools`, and for a tool that does not exist. */
  server?: string;
  /** As the model wrote them; what the host adds is not among them. */
  arguments: Record<string, unknown>;
  by: string;
  is_error: boolean;
  ended?: Ended;
  /** The whole result; the model may have been given less of it. */
  text: string;
  images?: Image[];
  /** Whether the model was given less than `text`. */
  truncated: boolean;
}

/** One entry of a conversation. */
export type Entry = PersonEntry | ModelEntry | ToolEntry;

/** Checks a {@link Usage}. */
export const usageSchema: z.ZodType<Usage> = z.object({
  input_tokens: z.int().min(0),
  output_tokens: z.int().min(0),
  cached_tokens: z.int().min(0).exactOptional(),
});
/** Checks a {@link Stopped}. */
export const stoppedSchema: z.ZodType<Stopped> = z.enum([
  'done',
  'cancelled',
  'steps',
  'length',
  'failed',
  'interrupted',
]);
/** Checks an {@link Ended}. */
export const endedSchema: z.ZodType<Ended> = z.enum(['refused', 'expired', 'unasked', 'changed', 'stopped']);
/** Checks an {@link Image}. */
export const imageSchema: z.ZodType<Image> = z.object({ mime_type: z.string(), data: z.base64() });

const place = { seq: z.int().min(1), at: z.iso.datetime() };

/** Checks an {@link Entry}. */
export const entrySchema: z.ZodType<Entry> = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('person'), ...place, from: z.string(), text: z.string(), id: z.string().exactOptional() }),
  z.object({
    kind: z.literal('model'),
    ...place,
    turn: z.string(),
    text: z.string(),
    stopped: stoppedSchema,
    usage: usageSchema,
  }),
  z.object({
    kind: z.literal('tool'),
    ...place,
    turn: z.string(),
    call: z.string(),
    name: z.string(),
    server: z.string().exactOptional(),
    arguments: z.record(z.string(), z.unknown()),
    by: z.string(),
    is_error: z.boolean(),
    ended: endedSchema.exactOptional(),
    text: z.string(),
    images: z.array(imageSchema).exactOptional(),
    truncated: z.boolean(),
  }),
]);
