/** Goes first: sees whether the server is there, and finds a tool that gives back what it is given. */
import { dialTo } from './client-group.ts';
import type { Target } from './client-group.ts';
import { Client } from './client/client.ts';
import type { ClientEra } from './client/era.ts';
import { exampleOf } from './client/message.ts';
import { SimulatorError } from './errors.ts';
import { Ledger } from './integrity.ts';
import { seeded } from './random.ts';
import type { StepText } from './scenario.ts';
import { Stats } from './stats.ts';

interface Tool {
  name: string;
  inputSchema?: { properties?: object };
}

export interface Findings {
  /** What the server calls itself, with its version; empty where it does not say. */
  server: string;
  steps: StepText[];
}

const ECHO: StepText = { do: 'call', tool: 'echo', args: { text: '{{tag}}' } };
/** Tools by these names give their text back. */
const ECHOES = ['echo', 'repeat', 'say'];

export interface ProbeOptions {
  target: Target;
  era: ClientEra;
  tool: string | undefined;
  args: unknown;
  timeoutMs: number;
}

/** @throws {SimulatorError} `SIM_UNREACHABLE` with the reason, `SIM_USAGE` when the server has no such tool */
export async function probe({ target, era, tool, args, timeoutMs }: ProbeOptions): Promise<Findings> {
  const ledger = new Ledger(performance.now());
  const client = new Client(0, {
    era,
    ledger,
    stats: new Stats(),
    random: seeded(0),
    chaos: {},
    timeoutMs,
    bigMessageBytes: 0,
    prefix: 'probe-',
    dial: dialTo(target, era),
    crash: () => {},
    abandon: () => {},
  });
  const sweep = setInterval(() => client.sweep(performance.now()), 100);
  try {
    await client.connectOnce();
    if (era === 'echo') return { server: 'echo', steps: [ECHO] };
    const discovered = era === 'modern' ? await client.request('server/discover') : undefined;
    const info = (discovered?.result as { _meta?: Record<string, { name?: string; version?: string }> } | undefined)
      ?._meta?.['io.modelcontextprotocol/serverInfo'];
    const server = info === undefined ? client.server : `${info.name ?? ''} ${info.version ?? ''}`.trim();
    if (tool !== undefined && args !== undefined) return { server, steps: [{ do: 'call', tool, args }] };
    const { result } = await client.request('tools/list').catch(() => ({ result: undefined }));
    const tools = Array.isArray(result?.tools) ? (result.tools as Tool[]) : [];
    return { server, steps: [chooseStep(tools, tool)] };
  } catch (error) {
    if (error instanceof SimulatorError) throw error;
    const where = 'url' in target ? shownUrl(target.url) : JSON.stringify(target.command[0]);
    throw new SimulatorError('SIM_UNREACHABLE', `${where}: ${(error as Error).message}`, error);
  } finally {
    clearInterval(sweep);
    await client.end();
  }
}

function chooseStep(tools: readonly Tool[], wanted: string | undefined): StepText {
  const tool = tools.find(({ name }) => (wanted === undefined ? ECHOES.includes(name) : name === wanted));
  if (tool !== undefined) return { do: 'call', tool: tool.name, args: exampleOf(tool.inputSchema, '{{tag}}') };
  if (wanted === undefined) return { do: 'list', what: 'tools' };
  const names = tools.map(({ name }) => name).slice(0, 20);
  throw new SimulatorError(
    'SIM_USAGE',
    `--tool: the server has no ${JSON.stringify(wanted)}; it has ${names.join(', ') || 'none'}`,
  );
}

/** Without what could be secret: user, password, query. */
export function shownUrl(text: string): string {
  const { protocol, host, pathname } = new URL(text);
  return `${protocol}//${host}${pathname}`;
}
