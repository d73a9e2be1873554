/** The tools of one person, under that person's rights: a line of its own to each server behind the chat. */
import type { ElicitRequest, ElicitResult, Tool } from '@modelcontextprotocol/client';
import type { Gateway } from 'mcp-switchboard';

import type { ToolOffer } from '../models/model.ts';
import type { Credentials } from '../people/credentials.ts';
import type { CredentialOptions } from '../people/credentials.ts';
import { withInjected, withoutForged, withoutInjected } from './injected.ts';
import { Line } from './line.ts';
import type { CallOptions } from './line.ts';
import { nameFor } from './names.ts';
import { readResult } from './result.ts';
import type { ToolOutcome } from './result.ts';

export interface ToolboxOptions {
  gateway: Gateway;
  servers: readonly string[];
  principal: string;
  credentials?: Credentials;
  use: CredentialOptions;
  /** How long a tool may be silent, in ms. */
  silenceMs: number;
  onChanged(): void;
  /** A server asks the person. Never rejects. */
  onQuestion(server: string, params: ElicitRequest['params'], signal: AbortSignal): Promise<ElicitResult>;
}

/** A tool, as the model and people may know it. */
export interface BoxedTool extends ToolOffer {
  title?: string;
  server: string;
  /** Whether it may destroy something: unless its annotations say otherwise (MCP, ToolAnnotations). */
  destructive: boolean;
}

/** More tools than any model can choose from. */
const MAX_TOOLS = 500;
const MAX_DESCRIPTION = 4000;
/** How long the others are waited for when one server has told its tools. */
const PATIENCE_MS = 10_000;

export class Toolbox {
  readonly #options: ToolboxOptions;
  readonly #lines: readonly Line[];
  readonly #injected: Map<string, Record<string, string>>;
  /** How the tools are called at their servers, by the names that the model has. */
  #known: Map<string, { line: Line; tool: Tool }> = new Map();
  #asking = 0;

  constructor(options: ToolboxOptions) {
    const { gateway, servers, principal, credentials, use } = options;
    this.#options = options;
    const headers = lowered(credentials?.fillAll(use.headers ?? {}) ?? {});
    this.#injected = new Map(
      servers.map((server) => {
        const wanted = { ...use.arguments?.['*'], ...use.arguments?.[server] };
        return [server, credentials?.fillAll(wanted) ?? {}];
      }),
    );
    this.#lines = servers.map((server): Line => {
      return new Line({
        server,
        open: () => gateway.clientTransport({ upstream: server, principal, headers }),
        onToolsChanged: () => options.onChanged(),
        onQuestion: async (params, signal) => {
          this.#asking++;
          try {
            return await options.onQuestion(server, params, signal);
          } finally {
            this.#asking--;
          }
        },
      });
    });
  }

  /** The tools that can be had now; those of a server that fails are not among them. */
  async tools(): Promise<BoxedTool[]> {
    const listed = await this.#list();
    const known = new Map<string, { line: Line; tool: Tool }>();
    const boxed = listed
      .flat()
      .slice(0, MAX_TOOLS)
      .map(({ line, tool }): BoxedTool => {
        const server = this.#lines.length > 1 ? line.server : undefined;
        const name = nameFor(tool.name, server, (taken) => known.has(taken));
        known.set(name, { line, tool });
        return this.#box(name, line.server, tool);
      });
    this.#known = known;
    return boxed;
  }

  /** What the model wrote, as it may be shown and kept. */
  shown(name: string, written: Record<string, unknown>): Record<string, unknown> {
    return withoutForged(written, this.#injectedFor(this.#known.get(name)?.line.server));
  }

  /** Uses a tool. An error of the tool, of the server or of the way there is an outcome; only an abort is thrown. */
  async call(name: string, written: Record<string, unknown>, options: CallOptions): Promise<ToolOutcome> {
    const { silenceMs } = this.#options;
    const known = this.#known.get(name);
    if (known === undefined) return failed(`There is no tool ${JSON.stringify(name.slice(0, 100))}.`);
    const { line, tool } = known;
    const silence = new AbortController();
    let heardAt = Date.now();
    const clock = setInterval(
      () => {
        // While the person is thinking, the tool cannot go on.
        if (this.#asking > 0) heardAt = Date.now();
        else if (Date.now() - heardAt >= silenceMs) silence.abort();
      },
      Math.min(1000, silenceMs / 2),
    );
    try {
      const result = await line.call(
        tool.name,
        withInjected(written, tool.inputSchema, this.#injectedFor(line.server)),
        {
          signal: AbortSignal.any([options.signal, silence.signal]),
          onProgress: (progress) => {
            heardAt = Date.now();
            const { message } = progress;
            options.onProgress(message === undefined ? progress : { ...progress, message: this.#mask(message) });
          },
        },
      );
      return readResult(result, this.#mask);
    } catch (error) {
      options.signal.throwIfAborted();
      if (silence.signal.aborted) return failed(`The tool said nothing for ${silenceMs / 1000} s and was stopped.`);
      return failed(this.#mask(error instanceof Error ? error.message : String(error)));
    } finally {
      clearInterval(clock);
    }
  }

  async close(): Promise<void> {
    await Promise.all(this.#lines.map((line) => line.close()));
  }

  readonly #mask = (text: string): string => this.#options.credentials?.mask(text) ?? text;

  /** A server that takes long to start holds nobody up who has another: it is there the next time. */
  async #list(): Promise<{ line: Line; tool: Tool }[][]> {
    const listed: { line: Line; tool: Tool }[][] = this.#lines.map(() => []);
    const lists = this.#lines.map(async (line, index) => {
      const tools = await line.tools().catch(() => []);
      listed[index] = tools.map((tool) => ({ line, tool }));
    });
    let timer: NodeJS.Timeout | undefined;
    const patience = new Promise<void>((resolve) => (timer = setTimeout(resolve, PATIENCE_MS)));
    await Promise.race([Promise.all(lists), Promise.all([patience, Promise.race(lists)])]);
    clearTimeout(timer);
    return listed;
  }

  #box(name: string, server: string, tool: Tool): BoxedTool {
    const { title = tool.annotations?.title, description = '', inputSchema, annotations } = tool;
    return {
      name,
      server,
      description: this.#mask(description).slice(0, MAX_DESCRIPTION),
      inputSchema: withoutInjected(inputSchema, this.#injectedFor(server)),
      destructive: annotations?.readOnlyHint !== true && annotations?.destructiveHint !== false,
      ...(title !== undefined && { title }),
    };
  }

  #injectedFor(server: string | undefined): Record<string, string> {
    return this.#injected.get(server ?? '') ?? {};
  }
}

const failed = (text: string): ToolOutcome => ({ isError: true, text, images: [] });

const lowered = (headers: Record<string, string>): Record<string, string> =>
  Object.fromEntries(Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value]));
