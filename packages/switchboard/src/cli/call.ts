import { Command } from 'commander';

import { PRODUCT } from '../gateway/product.ts';
import { SwitchboardError } from '../protocol/errors.ts';
import { isObject } from '../protocol/jsonrpc.ts';
import type { JsonObject } from '../protocol/jsonrpc.ts';
import { connectError } from '../transports/connect.ts';
import { asSdkTransport } from '../transports/sdk.ts';
import { fetchWith } from '../transports/tls/fetch.ts';
import { CLIENT_DEFAULTS, connectWebSocket } from '../transports/websocket/client.ts';
import { readHeaders, readTls, withClientFlags } from './client-flags.ts';
import type { ClientFlags } from './client-flags.ts';
import { EXIT } from './exit.ts';
import { clean, print } from './table.ts';

const HELP = `
Examples:
  switchboard call ws://127.0.0.1:8765/mcp                                 lists the tools
  switchboard call ws://127.0.0.1:8765/mcp add --args '{"a": 1, "b": 2}'   calls one
  switchboard call http://127.0.0.1:8765/mcp count --args '{"to": 5}'      shows its progress`;

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
    .option('--timeout <seconds>', 'time to wait for the answer; each progress notification restarts it', '300')
    .addHelpText('after', HELP)
    .action(call);
}

async function call(url: string, tool: string | undefined, flags: Flags): Promise<void> {
  const args = readArguments(flags.args);
  const { Client, StreamableHTTPClientTransport } = await import('@modelcontextprotocol/client');
  const headers = readHeaders(flags);
  const address = readUrl(url);
  const tls = readTls(address, flags)?.tls;
  const transport = address.protocol.startsWith('ws')
    ? asSdkTransport(await connectWebSocket(address, { headers, tls, ...CLIENT_DEFAULTS }))
    : new StreamableHTTPClientTransport(address, {
        requestInit: { headers },
        ...(tls !== undefined && { fetch: await fetchWith(tls) }),
        maxResponseBodySize: CLIENT_DEFAULTS.maxMessageBytes,
      } as object);
  const client = new Client({ ...PRODUCT }, { versionNegotiation: { mode: 'auto' } });
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
    const result = await client.callTool(
      { name: tool, arguments: args },
      { onprogress: showProgress, resetTimeoutOnProgress: true, timeout: Number(flags.timeout) * 1000 },
    );
    print(flags.json === true ? JSON.stringify(result, undefined, 2) : readable(result));
    if (result.isError === true) process.exitCode = EXIT.tool.code;
  } catch (cause) {
    const { message } = cause as Error;
    process.stderr.write(`switchboard: ${clean(message)}\n`);
    process.exitCode = EXIT.failed.code;
  } finally {
    await client.close();
  }
}

function readArguments(text: string): JsonObject {
  try {
    const args: unknown = JSON.parse(text);
    if (isObject(args)) return args;
  } catch {
    // Told below.
  }
  throw new SwitchboardError('SWB_CONFIG_INVALID', { detail: `--args: expected a JSON object, got ${text}` });
}

function readUrl(text: string): URL {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url !== undefined && /^(https?|wss?):$/.test(url.protocol)) return url;
  const detail = `expected a URL with ws, wss, http or https, got ${JSON.stringify(text)}`;
  throw new SwitchboardError('SWB_CONFIG_INVALID', { detail });
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

function showProgress({
  progress,
  total,
  message,
}: {
  progress: number;
  total?: number | undefined;
  message?: string | undefined;
}): void {
  const amount = total === undefined ? `${progress}` : `${progress}/${total}`;
  process.stderr.write(clean(`[${amount}] ${message ?? ''}`) + '\n');
}
