/** The tools of one person, under that person's rights: one connection to each server behind the chat. */
import { isDeepStrictEqual } from 'node:util';

import type { ElicitRequest, ElicitResult, Tool } from '@modelcontextprotocol/client';
import type { Gateway } from 'mcp-switchboard';

import type { ToolOffer } from '../models/model.ts';
import { maskDeep } from '../people/credentials.ts';
import type { Credentials } from '../people/credentials.ts';
import type { CredentialOptions } from '../people/credentials.ts';
import type { ToolSummary } from '../protocol/server-messages.ts';
import { withInjected, withoutForged, withoutInjected } from './injected.ts';
import { nameFor } from './names.ts';
import { beginningOf, readResult } from './result.ts';
import type { ToolOutcome } from './result.ts';
import { ServerClient } from './server-client.ts';
import type { CallOptions } from './server-client.ts';

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

/** A tool as it was offered, to the model and to people. A call goes to this very tool of this server, whatever has changed meanwhile. */
export interface BoxedTool extends ToolOffer {
  title?: string;
  server: string;
  /** Whether it may destroy something: unless its annotations say otherwise (MCP, ToolAnnotations). */
  destructive: boolean;
}

interface Found {
  client: ServerClient;
  tool: Tool;
}

/** More tools than any model can choose from. */
const MAX_TOOLS = 500;
const MAX_DESCRIPTION = 4000;
/** How long the others are waited for when one server has told its tools. */
const PATIENCE_MS = 10_000;

export class Toolbox {
  readonly #options: ToolboxOptions;
  readonly #clients: readonly ServerClient[];
  readonly #injected: Map<string, Record<string, string>>;
  /** What stands behind each offer. */
  readonly #offered: WeakMap<BoxedTool, Found> = new WeakMap();
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
    this.#clients = servers.map((server): ServerClient => {
      return new ServerClient({
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
    const names = new Set<string>();
    return listed
      .flat()
      .slice(0, MAX_TOOLS)
      .map((found): BoxedTool => {
        const server = this.#clients.length > 1 ? found.client.server : undefined;
        const name = nameFor(this.#mask(found.tool.name), server, (taken) => names.has(taken));
        names.add(name);
        const boxed = this.#box(name, found);
        this.#offered.set(boxed, found);
        return boxed;
      });
  }

  /** The tools as people are shown them. */
  async summaries(): Promise<ToolSummary[]> {
    const tools = await this.tools();
    return tools.map(({ name, server, title, description, destructive }) => {
      return { name, server, description, destructive, ...(title !== undefined && { title }) };
    });
  }

  /** What the model wrote, as it may be shown and kept. @param tool the one that is meant, where there is one. */
  shown(tool: BoxedTool | undefined, written: Record<string, unknown>): Record<string, unknown> {
    return maskDeep(withoutForged(written, this.#injectedFor(tool?.server)), this.#mask);
  }

  /**
   * Whether its server still has a tool as it was offered: the same name, description, schema and annotations. When it cannot be
   * asked, it is not.
   *
   * @param again whether to ask the server, also where it has told of no change.
   */
  async isAsOffered(tool: BoxedTool, again: boolean): Promise<boolean> {
    const found = this.#offered.get(tool);
    if (found === undefined) return false;
    const now = await (again ? found.client.refreshed() : found.client.tools()).catch(() => []);
    const definition = definitionOf(found.tool);
    return now.some((each) => each.name === found.tool.name && isDeepStrictEqual(definitionOf(each), definition));
  }

  /** Uses a tool. An error of the tool, of the server or of the way there is an outcome; only an abort is thrown. */
  async call(boxed: BoxedTool, written: Record<string, unknown>, options: CallOptions): Promise<ToolOutcome> {
    const { silenceMs } = this.#options;
    const found = this.#offered.get(boxed);
    if (found === undefined) return failed(`There is no tool ${JSON.stringify(boxed.name.slice(0, 100))}.`);
    const { client, tool } = found;
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
      const result = await client.call(
        tool.name,
        withInjected(written, tool.inputSchema, this.#injectedFor(client.server)),
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
    await Promise.all(this.#clients.map((client) => client.close()));
  }

  readonly #mask = (text: string): string => this.#options.credentials?.mask(text) ?? text;

  /** A server that takes long to start holds nobody up who has another: it is there the next time. */
  async #list(): Promise<Found[][]> {
    const listed: Found[][] = this.#clients.map(() => []);
    const lists = this.#clients.map(async (client, index) => {
      const tools = await client.tools().catch(() => []);
      listed[index] = tools.map((tool) => ({ client, tool }));
    });
    let timer: NodeJS.Timeout | undefined;
    const patience = new Promise<void>((resolve) => (timer = setTimeout(resolve, PATIENCE_MS)));
    await Promise.race([Promise.all(lists), Promise.all([patience, Promise.race(lists)])]);
    clearTimeout(timer);
    return listed;
  }

  #box(name: string, { client: { server }, tool }: Found): BoxedTool {
    const { title = tool.annotations?.title, description = '', inputSchema, annotations } = tool;
    return {
      name,
      server,
      description: beginningOf(this.#mask(description), MAX_DESCRIPTION),
      inputSchema: maskDeep(withoutInjected(inputSchema, this.#injectedFor(server)), this.#mask),
      destructive: annotations?.readOnlyHint !== true && annotations?.destructiveHint !== false,
      ...(title !== undefined && { title: this.#mask(title) }),
    };
  }

  #injectedFor(server: string | undefined): Record<string, string> {
    return this.#injected.get(server ?? '') ?? {};
  }
}

/** What a tool is; its `_meta` may differ each time. */
const definitionOf = ({ _meta, ...definition }: Tool): object => definition;

const failed = (text: string): ToolOutcome => ({ isError: true, text, images: [] });

const lowered = (headers: Record<string, string>): Record<string, string> =>
  Object.fromEntries(Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value]));
