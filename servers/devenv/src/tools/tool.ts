import {
  acceptedContent,
  type CallToolResult,
  CLIENT_CAPABILITIES_META_KEY,
  createRequestStateCodec,
  type InputRequiredResult,
  inputRequired,
  inputResponse,
  type McpServer,
  type RequestStateCodec,
  type ServerContext,
  type ToolAnnotations,
} from '@modelcontextprotocol/server';
import { createHash, randomBytes } from 'node:crypto';
import { z } from 'zod';
import type { Environment } from '../environment.ts';
import { DevenvError, devenvError } from '../errors.ts';

/** What a tool's work has at hand. */
export interface Call {
  environment: Environment;
  /** Aborted when the client cancels, or the call takes too long. */
  signal: AbortSignal;
  /** Tells the client how far it is, if it wants to know. */
  progress(message: string, total?: number): void;
}

export interface Outcome {
  /** What was found or done, in a sentence. */
  summary: string;
  data: Record<string, unknown>;
}

/**
 * What a tool does to the world: `read` changes nothing; `change` only adds something or can be undone; `destroy` may undo
 * what somebody needs. All but `read` are left out of a read-only server.
 */
export type Effect = 'read' | 'change' | 'destroy';

export interface Tool<Input extends z.ZodObject = z.ZodObject, Output extends z.ZodObject = z.ZodObject> {
  name: string;
  title: string;
  description: string;
  effect: Effect;
  /** Whether doing it twice is as good as once. @default true for `read`, else false */
  idempotent?: boolean;
  /** Whether it reaches beyond the repository, as to a container engine. @default false */
  openWorld?: boolean;
  /** How long a call may take in all, in milliseconds; 0 for no limit but its own. @default 120000 */
  timeoutMs?: number;
  input: Input;
  output: Output;
  /**
   * The question to put to the user before {@link run}, with all that matters about what will be done. Where the answer is
   * "yes" and the question is another one by then, it is put again.
   */
  question?(args: z.output<Input>, call: Call): Promise<string>;
  run(args: z.output<Input>, call: Call): Promise<Outcome & { data: z.input<Output> }>;
}

/** A tool with the types of its arguments and result checked. */
export function tool<Input extends z.ZodObject, Output extends z.ZodObject>(definition: Tool<Input, Output>): Tool {
  return definition;
}

/** The key of `_meta` that has the code of an error. */
export const ERROR_META_KEY = 'mcp-switchboard-devenv/error';

const CALL_TIMEOUT_MS = 120_000;
const capabilities = z.object({
  elicitation: z.object({ form: z.looseObject({}).optional(), url: z.looseObject({}).optional() }).optional(),
});
const confirmation = z.object({ proceed: z.boolean().default(true).describe('Whether to do it') });

/** Keeps a question and the answer to it together on their way through a modern client. */
export type Questions = RequestStateCodec<string>;

/** The questions of one server; another process does not know them. */
export function createQuestions(): Questions {
  return createRequestStateCodec<string>({ key: randomBytes(32) });
}

/** Registers a tool: its work is limited in time, asks first where it must, and gives no secrets away. */
export function registerTool(
  server: McpServer,
  environment: Environment,
  questions: Questions,
  definition: Tool,
): void {
  const { name, title, description, input, output } = definition;
  const config = {
    title,
    description,
    inputSchema: input,
    outputSchema: output,
    annotations: annotationsOf(definition),
  };
  server.registerTool(name, config, async (args, context) => {
    const { timeoutMs = CALL_TIMEOUT_MS } = definition;
    const limit = timeoutMs > 0 ? AbortSignal.timeout(timeoutMs) : undefined;
    const signal = limit ? AbortSignal.any([context.mcpReq.signal, limit]) : context.mcpReq.signal;
    const call: Call = { environment, signal, progress: progressOf(context, environment) };
    try {
      if (definition.question && canAsk(server, context)) {
        const asked = await ask(questions, context, name, await definition.question(args, call), environment);
        if (asked) return asked;
      }
      return success(await definition.run(args, call), environment);
    } catch (error) {
      if (!limit?.aborted || error instanceof DevenvError) return failure(error, environment);
      return failure(new DevenvError('TIMEOUT', `${name} was not done after ${timeoutMs} ms.`), environment);
    }
  });
}

export function annotationsOf({ effect, idempotent, openWorld = false }: Tool): ToolAnnotations {
  return {
    readOnlyHint: effect === 'read',
    destructiveHint: effect === 'destroy',
    idempotentHint: idempotent ?? effect === 'read',
    openWorldHint: openWorld,
  };
}

/**
 * Puts the question, unless the user has said yes to just this one.
 *
 * @throws {DevenvError} `DECLINED`
 */
async function ask(
  questions: Questions,
  context: ServerContext,
  tool: string,
  question: string,
  { redactor }: Environment,
): Promise<InputRequiredResult | undefined> {
  const { inputResponses } = context.mcpReq;
  const digest = createHash('sha256').update(`${tool}\0${question}`).digest('base64url');
  const response = inputResponse(inputResponses, 'proceed');
  if (response.kind === 'elicit' && context.mcpReq.requestState<string>() === digest) {
    if (acceptedContent(inputResponses, 'proceed', confirmation)?.proceed === true) return undefined;
    throw new DevenvError('DECLINED', `The user did not agree (${response.action}).`);
  }
  const proceed = inputRequired.elicit({ message: redactor.text(question), requestedSchema: confirmation });
  return inputRequired({ inputRequests: { proceed }, requestState: await questions.mint(digest, context) });
}

/** Whether the client shows forms to its user: a modern one says so in each request, a legacy one in its handshake. */
function canAsk(server: McpServer, { mcpReq }: ServerContext): boolean {
  const envelope: Record<string, unknown> = mcpReq.envelope ?? {};
  const declared = envelope[CLIENT_CAPABILITIES_META_KEY] ?? server.server.getClientCapabilities();
  const elicitation = capabilities.safeParse(declared).data?.elicitation;
  // An empty capability means forms, which were there first.
  return elicitation !== undefined && (elicitation.form !== undefined || elicitation.url === undefined);
}

function progressOf({ mcpReq }: ServerContext, { redactor }: Environment): Call['progress'] {
  const progressToken = mcpReq._meta?.progressToken;
  if (progressToken === undefined) return () => {};
  let progress = 0;
  return (text, total) => {
    progress += 1;
    const params = { progressToken, progress, message: redactor.text(text), ...(total !== undefined && { total }) };
    // The client may be gone; then nobody is left to be told.
    mcpReq.notify({ method: 'notifications/progress', params }).catch(() => {});
  };
}

/** What was found, as a sentence, as JSON to read, and as data. */
function success({ summary, data }: Outcome, { redactor }: Environment): CallToolResult {
  const structuredContent = redactor.data(data);
  return {
    content: [
      { type: 'text', text: redactor.text(summary) },
      { type: 'text', text: JSON.stringify(structuredContent) },
    ],
    structuredContent,
  };
}

function failure(thrown: unknown, { redactor }: Environment): CallToolResult {
  const { code, message, remedy } = devenvError(thrown);
  const told = redactor.text(message);
  return {
    content: [{ type: 'text', text: `${code}: ${told}\n${remedy}` }],
    isError: true,
    _meta: { [ERROR_META_KEY]: { code, message: told, remedy } },
  };
}
