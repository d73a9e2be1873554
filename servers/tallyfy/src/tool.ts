import {
  type CallToolResult,
  inputRequired,
  type InputRequiredResult,
  inputResponse,
  acceptedContent,
  type McpServer,
  type ServerContext,
  type ToolAnnotations,
} from '@modelcontextprotocol/server';
import { z } from 'zod';
import type { Api, Tallyfy } from './api.ts';
import { canAsk } from './capabilities.ts';
import { Failure } from './failure.ts';

/** What a tool does to Tallyfy: reads; adds something; changes it; ends it (archives, deletes, completes, disables). */
export type Effect = 'read' | 'add' | 'change' | 'end';

const ANNOTATIONS: Record<Effect, ToolAnnotations> = {
  read: { readOnlyHint: true, destructiveHint: false, idempotentHint: true, openWorldHint: true },
  add: { readOnlyHint: false, destructiveHint: false, idempotentHint: false, openWorldHint: true },
  change: { readOnlyHint: false, destructiveHint: false, idempotentHint: true, openWorldHint: true },
  end: { readOnlyHint: false, destructiveHint: true, idempotentHint: true, openWorldHint: true },
};

/** What a tool may use while it runs. */
export interface Call {
  api: Api;
  now: () => Date;
  /** The IANA time zone that dates in words are meant in, unless a call names another. */
  timeZone: string;
  /** Tells how far the call is, if its caller wants to know. */
  progress(message: string, done: number, total?: number): Promise<void>;
}

/** A result: a sentence, and the same as data. */
export interface Answer {
  text: string;
  data: Record<string, unknown>;
}

/** What the user is asked before a tool ends something. */
export interface Question {
  /** Such as 'Archive the process'. */
  doing: string;
  /** The name or id of the thing. */
  name: string;
  /** What follows from it. */
  consequence: string;
}

export interface Tool<Input extends z.ZodObject = z.ZodObject> {
  name: string;
  title: string;
  description: string;
  effect: Effect;
  input: Input;
  output: z.ZodObject;
  /** Makes the question that is put to the user first, where the client can; every tool that ends something has one. */
  asks?(args: z.output<Input>, call: Call): Promise<Question> | Question;
  run(args: z.output<Input>, call: Call): Promise<Answer>;
}

/** A row of a table of tools, with the types of its arguments checked. */
export function tool<Input extends z.ZodObject>(row: Tool<Input>): Tool {
  return row;
}

export interface Surroundings {
  tallyfy: Tallyfy;
  now: () => Date;
  timeZone: string;
}

const consent = z.object({ confirm: z.boolean().describe('Whether to go on') });

/** More than this would fill the context of a model; the data of the result is whole. */
const MAX_TEXT_CHARACTERS = 25_000;

/** Registers a tool, with what all of them share: questions, progress, cancellation and failures as results. */
export function registerTool(server: McpServer, tool: Tool, surroundings: Surroundings): void {
  const { name, title, description, effect, input, output } = tool;
  const config = { title, description, annotations: ANNOTATIONS[effect], inputSchema: input, outputSchema: output };
  server.registerTool(name, config, async (args, context): Promise<CallToolResult | InputRequiredResult> => {
    const call = callIn(context, surroundings);
    try {
      const asked = tool.asks && canAsk(server, context) ? await consentTo(tool, args, call, context) : undefined;
      return asked ?? resultOf(await tool.run(args, call));
    } catch (error) {
      context.mcpReq.signal.throwIfAborted();
      if (!(error instanceof Failure)) throw error;
      return failed(error);
    }
  });
}

/** Asks the user, and gives what to answer the call with, or undefined once the user agreed. */
async function consentTo(
  { asks }: Tool,
  args: Record<string, unknown>,
  call: Call,
  { mcpReq: { inputResponses } }: ServerContext,
): Promise<CallToolResult | InputRequiredResult | undefined> {
  const response = inputResponse(inputResponses, 'consent');
  if (response.kind === 'elicit') {
    if (acceptedContent(inputResponses, 'consent', consent)?.confirm === true) return undefined;
    return resultOf({ text: 'The user did not agree, so nothing was done.', data: { done: false } });
  }
  const { doing, name, consequence } = await asks!(args, call);
  const message = `${doing} '${name}'? ${consequence}`;
  return inputRequired({ inputRequests: { consent: inputRequired.elicit({ message, requestedSchema: consent }) } });
}

function callIn({ mcpReq: { _meta, notify, signal } }: ServerContext, { tallyfy, now, timeZone }: Surroundings): Call {
  const progressToken = _meta?.progressToken;
  let last = 0;
  const progress = async (message: string, done: number, total?: number): Promise<void> => {
    if (progressToken === undefined) return;
    // The protocol wants it to grow with each notification.
    last = Math.max(done, last + 0.001);
    const params = { progressToken, progress: last, message, ...(total !== undefined && { total }) };
    await notify({ method: 'notifications/progress', params });
  };
  const api = tallyfy.during({
    signal,
    // Nobody is left to be told if the connection ends meanwhile; the call itself ends by its signal.
    waiting: (ms, reason) => void progress(`Waiting ${ms / 1_000} s: ${reason}`, last).catch(() => {}),
    reading: (entries, total) => void progress(`Read ${entries} entries`, entries, total).catch(() => {}),
  });
  return { api, now, timeZone, progress };
}

function resultOf({ text, data }: Answer): CallToolResult {
  const json = JSON.stringify(data);
  const room = MAX_TEXT_CHARACTERS - text.length;
  const shown = json.length <= room ? json : `${json.slice(0, room)}…\n(Cut off here. Ask for less at once.)`;
  return { content: [{ type: 'text', text: `${text}\n${shown}` }], structuredContent: data };
}

function failed(failure: Failure): CallToolResult {
  const { code, status } = failure;
  return {
    isError: true,
    content: [{ type: 'text', text: failure.toString() }],
    _meta: { 'mcp-switchboard-tallyfy/error': { code, ...(status !== undefined && { status }) } },
  };
}
