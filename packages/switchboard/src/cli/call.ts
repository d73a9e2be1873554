import type { StreamableHTTPClientTransport } from '@modelcontextprotocol/client';
import { Command } from 'commander';

import { PRODUCT } from '../gateway/product.ts';
import { SwitchboardError } from '../protocol/errors.ts';
import { isObject } from '../protocol/jsonrpc.ts';
import type { JsonObject } from '../protocol/jsonrpc.ts';
import { shown } from '../protocol/shown.ts';
import { connectError } from '../transports/connect.ts';
import { asSdkTransport } from '../transports/sdk.ts';
import { fetchWith } from '../transports/tls/fetch.ts';
import { CLIENT_DEFAULTS, connectWebSocket } from '../transports/websocket/client.ts';
import { readHeaders, readTls, withClientFlags } from './client-flags.ts';
import type { ClientFlags } from './client-flags.ts';
import { EXIT, usageError } from './exit.ts';
import { clean, print } from './table.ts';
import { Answering } from './answering.ts';
import { Deadline } from './deadline.ts';
import { MAX_TIMER_MS, readDuration } from './flags.ts';
import { didYouMean } from '../util/nearest.ts';

const HELP = `
Examples:
  switchboard call ws://127.0.0.1:8765/mcp                                 lists the tools
  switchboard call ws://127.0.0.1:8765/mcp add --args '{"a": 1, "b": 2}'   calls one
  switchboard call http://127.0.0.1:8765/mcp count --args '{"to": 5}'      shows its progress`;

/** How long the list of tools may take when a call has failed. */
const LIST_TIMEOUT_MS = 5000;
/** How long a cut connection is tried again: a server that starts anew is there by then. */
const RESUME_MS = 20_000;
/** So many names are listed beside one that is unknown. */
const MAX_NAMED = 20;

interface Progress {
  progress: number;
  total?: number | undefined;
  message?: string | undefined;
}

interface ToolClient {
  listTools(params: undefined, options: { timeout: number }): Promise<{ tools: { name: string }[] }>;
}

interface Flags extends ClientFlags {
  args: string;
  json?: boolean;
  timeout: string;
}

export function callCommand(): Command {
  const command = new Command('call')
    .description('List the tools of an MCP endpoint, or call one.')
    .argument('<url>', 'the address (ws, wss, http or https)')
    .argument('[tool]', 'the tool to call')
    .option('--args <json>', "the tool's arguments, as a JSON object", '{}');
  return withClientFlags(command)
    .option('--json', 'print the whole answer as JSON')
    .option(
      '--timeout <duration>',
      'time to wait for the answer, such as 90s; each progress notification restarts it',
      '5m',
    )
    .addHelpText('after', HELP)
    .action(call);
}

async function call(url: string, tool: string | undefined, flags: Flags): Promise<void> {
  const args = readArguments(flags.args);
  const timeoutMs = readDuration('--timeout', flags.timeout);
  const { Client, StreamableHTTPClientTransport } = await import('@modelcontextprotocol/client');
  const headers = readHeaders(flags);
  const address = readUrl(url);
  const tls = readTls(address, flags)?.tls;
  let deadline: Deadline | undefined;
  let away: NodeJS.Timeout | undefined;
  const onLost = (): void => deadline?.fail(new SwitchboardError('SWB_CONNECTION_LOST'));
  const transport = address.protocol.startsWith('ws')
    ? asSdkTransport(
        await connectWebSocket(address, {
          headers,
          tls,
          ...CLIENT_DEFAULTS,
          onAway: () => {
            if (away !== undefined) return;
            process.stderr.write('switchboard: the connection was cut; trying to come back\n');
            away = setTimeout(onLost, RESUME_MS).unref();
          },
          onResumed: () => {
            clearTimeout(away);
            away = undefined;
          },
        }),
      )
    : endingWith(
        new StreamableHTTPClientTransport(address, {
          requestInit: { headers },
          ...(tls !== undefined && { fetch: await fetchWith(tls) }),
          maxResponseBodySize: CLIENT_DEFAULTS.maxMessageBytes,
        } as object),
        onLost,
      );
  const answering = new Answering();
  // A server that knows that nobody can be asked can do without.
  const capabilities = answering.isTerminal ? { elicitation: { form: {} } } : {};
  const client = new Client({ ...PRODUCT }, { versionNegotiation: { mode: 'auto' }, capabilities });
  if (answering.isTerminal) {
    client.setRequestHandler('elicitation/create', ({ params }, { mcpReq }) => {
      const answer = answering.answer({ ...params }, mcpReq.signal);
      return deadline?.pauseFor(answer) ?? answer;
    });
  }
  try {
    await client.connect(transport as never);
  } catch (cause) {
    const error = connectError(address, cause);
    if (error instanceof SwitchboardError) throw error;
    const detail = `${address.origin}${address.pathname}: ${(cause as Error).message}`;
    throw new SwitchboardError('SWB_CONNECT_FAILED', { detail, cause });
  }
  try {
    if (tool === undefined) {
      const { tools } = await client.listTools();
      print(flags.json === true ? JSON.stringify(tools, undefined, 2) : tools.map(describeTool).join('\n'));
      return;
    }
    const waiting = (deadline = new Deadline(timeoutMs));
    const onprogress = (note: Progress): void => {
      waiting.touch();
      showProgress(note);
    };
    // The deadline is ours, as it stops while a person is asked.
    const { signal } = waiting;
    const result = await client.callTool(
      { name: tool, arguments: args },
      { onprogress, signal, timeout: MAX_TIMER_MS },
    );
    if (result.isError === true) await refuseUnknown(client, tool);
    print(flags.json === true ? JSON.stringify(result, undefined, 2) : readable(result));
    if (result.isError === true) process.exitCode = EXIT.tool.code;
  } catch (cause) {
    if (deadline?.signal.aborted === true) throw deadline.signal.reason;
    if (cause instanceof SwitchboardError) throw cause;
    if (tool !== undefined) await refuseUnknown(client, tool);
    process.exitCode = complainOf(cause);
  } finally {
    deadline?.stop();
    clearTimeout(away);
    await client.close();
  }
}

/**
 * Has a transport of the SDK say when the stream of a request has ended and is not taken up again, which it keeps to itself otherwise: then
 * no answer comes.
 */
function endingWith(
  transport: StreamableHTTPClientTransport,
  onRequestStreamEnd: () => void,
): StreamableHTTPClientTransport {
  const send = transport.send.bind(transport);
  transport.send = (message, options) => send(message, { onRequestStreamEnd, ...options });
  return transport;
}

/** A failed call may be of a name that is not there. @throws {SwitchboardError} `SWB_UNKNOWN_NAME`, where the server lists others only */
async function refuseUnknown(client: ToolClient, tool: string): Promise<void> {
  const listed = await client.listTools(undefined, { timeout: LIST_TIMEOUT_MS }).catch(() => undefined);
  const names = listed?.tools.map(({ name }) => name);
  if (names === undefined || names.includes(tool)) return;
  const few = names.length <= MAX_NAMED ? `; there are: ${names.join(', ') || 'none'}` : '';
  const detail = clean(`there is no tool ${JSON.stringify(tool)}${few}.${didYouMean(tool, names)}`);
  throw new SwitchboardError('SWB_UNKNOWN_NAME', { detail });
}

/** Says what a server answered with. @returns the exit code */
function complainOf(cause: unknown): number {
  const { message, code, data } = cause as { message: string; code?: unknown; data?: unknown };
  const name = isObject(data) && typeof data['code'] === 'string' ? data['code'] : shown(code ?? 'no code');
  process.stderr.write(`switchboard: ${clean(message)} (${clean(name)})\n`);
  return EXIT.failed.code;
}

function readArguments(text: string): JsonObject {
  try {
    const args: unknown = JSON.parse(text);
    if (isObject(args)) return args;
  } catch {
    // Told below.
  }
  throw usageError(`--args: expected a JSON object, got ${text}`);
}

function readUrl(text: string): URL {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url !== undefined && /^(https?|wss?):$/.test(url.protocol)) return url;
  const detail = `expected a URL with ws, wss, http or https, got ${JSON.stringify(text)}`;
  throw usageError(detail);
}

interface Tool {
  name: string;
  description?: string | undefined;
  inputSchema: { properties?: object | undefined };
}

function describeTool({ name, description = '', inputSchema }: Tool): string {
  const parameters = Object.keys(inputSchema.properties ?? {}).join(', ');
  const [firstLine = ''] = description.split('\n');
  return clean(`${name}(${parameters})${firstLine === '' ? '' : `  ${firstLine}`}`);
}

function readable(result: Readonly<Record<string, unknown>>): string {
  const blocks = Array.isArray(result['content']) ? (result['content'] as JsonObject[]) : [];
  const texts = blocks.map((block) =>
    block['type'] === 'text' ? String(block['text']) : `[${String(block['type'])}]`,
  );
  if (texts.length === 0 && result['structuredContent'] !== undefined)
    return JSON.stringify(result['structuredContent']);
  return clean(texts.join('\n'));
}

function showProgress({ progress, total, message }: Progress): void {
  const amount = total === undefined ? `${progress}` : `${progress}/${total}`;
  process.stderr.write(clean(`[${amount}] ${message ?? ''}`) + '\n');
}
