/** What the chat needs of a language model, whoever provides it. */
import type { Image, Usage } from '../protocol/history.ts';

/** A tool that the model may use. */
export interface ToolOffer {
  /** Its name, unique among all tools that are offered. */
  name: string;
  /** What it does, for the model. */
  description: string;
  /** JSON Schema of its arguments, without those that the host fills in. */
  inputSchema: Readonly<Record<string, unknown>>;
}

/** The model wants a tool to be used. */
export interface ModelCall {
  /** The provider's, repeated beside the result. */
  id: string;
  /** The tool's name. */
  name: string;
  /** The arguments as the model wrote them. */
  arguments: Record<string, unknown>;
  /** Why the arguments cannot be read, where the model wrote none that can; then the tool is not called. */
  unreadable?: string;
}

/** What the model is told of a call's result. */
export interface ModelResult {
  /** That of the call. */
  id: string;
  /** The tool's name. */
  name: string;
  /** The text of the result, cut to `maxResultCharacters`. */
  text: string;
  /** The images of the result. */
  images: readonly Image[];
  /** Whether the tool said that it failed. */
  isError: boolean;
}

/** The conversation as the model gets it. `calls` of one message are answered by the `results` of the very next. */
export type PromptMessage =
  | { role: 'user'; text: string; from?: string }
  | { role: 'assistant'; text: string; calls: readonly ModelCall[] }
  | { role: 'tool'; results: readonly ModelResult[] };

/** What a model is asked. */
export interface ModelRequest {
  /** What it is told first. */
  system: string;
  /** The conversation. */
  messages: readonly PromptMessage[];
  /** The tools that it may use. */
  tools: readonly ToolOffer[];
  /** Stops the answer; what comes of it then is an abort. */
  signal: AbortSignal;
}

/** A piece of a model's answer. */
export type ModelPart =
  /** The request is sent again after a while; nothing has been answered yet. The message is for people. */
  | { type: 'retry'; message: string }
  | { type: 'text'; text: string }
  | { type: 'call'; call: ModelCall }
  /** Always the last one. Without `usage` it is estimated. */
  | { type: 'end'; cut: boolean; usage?: Usage };

/** A language model: implement this to use one of your own. */
export interface Model {
  /** For people: the model's name, or `offline`. */
  readonly name: string;
  /** Whether it is always offered every tool, as one that nobody pays for by the token. @default false */
  readonly takesEveryTool?: boolean;
  /** One answer. @throws {ModelFailure} that says in plain words what is wrong. */
  answer(request: ModelRequest): AsyncIterable<ModelPart>;
}

/** The model could not be asked, or its answer broke off. The message is for people, and says nothing that is secret. */
export class ModelFailure extends Error {
  override readonly name = 'ModelFailure';
  /** Whether it was given more than it can read. */
  readonly isTooLong: boolean;
  /** After how long the same may be asked again, in ms, 0 for whatever is usual; undefined where that is of no use. */
  readonly retryAfterMs: number | undefined;

  constructor(
    message: string,
    { isTooLong = false, retryAfterMs, cause }: { isTooLong?: boolean; retryAfterMs?: number; cause?: unknown } = {},
  ) {
    super(message, { cause });
    this.isTooLong = isTooLong;
    this.retryAfterMs = retryAfterMs;
  }
}
