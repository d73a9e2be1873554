/** One person's client of one server: one of the official SDK, through the gateway in this process. */
import { Client } from '@modelcontextprotocol/client';
import type { CallToolResult, ElicitRequest, ElicitResult, Tool } from '@modelcontextprotocol/client';

import { PRODUCT } from '../product.ts';

/** The part of the SDK's `Transport` that a gateway gives. */
type Transport = Parameters<Client['connect']>[0];

export interface ServerClientOptions {
  server: string;
  open(): unknown;
  onToolsChanged(): void;
  onQuestion(params: ElicitRequest['params'], signal: AbortSignal): Promise<ElicitResult>;
}

export interface CallOptions {
  signal: AbortSignal;
  onProgress(progress: { progress: number; total?: number | undefined; message?: string | undefined }): void;
}

/** What is waited for is decided above: by the person, and by the silence of the tool. */
const NO_TIMEOUT_MS = 24 * 3600 * 1000;
const START_TIMEOUT_MS = 60_000;
/** How long a server that failed is left alone. */
const RETRY_MS = 15_000;

export class ServerClient {
  readonly server: string;
  readonly #options: ServerClientOptions;
  #client: Promise<Client> | undefined;
  #tools: Promise<readonly Tool[]> | undefined;
  #failedAt = -Infinity;
  #isClosed = false;

  constructor(options: ServerClientOptions) {
    this.server = options.server;
    this.#options = options;
  }

  /** @throws what the server or the gateway says. Who asks again soon is not kept waiting again. */
  async tools(): Promise<readonly Tool[]> {
    if (performance.now() - this.#failedAt < RETRY_MS) throw new Error(`${this.server} has just failed.`);
    this.#tools ??= this.#list().catch((error: unknown) => {
      this.#failedAt = performance.now();
      this.#forget();
      throw error;
    });
    return this.#tools;
  }

  /** Asks the server again. @throws as {@link tools} */
  refreshed(): Promise<readonly Tool[]> {
    this.#forget();
    return this.tools();
  }

  async call(name: string, written: Record<string, unknown>, options: CallOptions): Promise<CallToolResult> {
    const client = await this.#connected();
    return client.callTool(
      { name, arguments: written },
      { signal: options.signal, onprogress: options.onProgress, timeout: NO_TIMEOUT_MS },
    );
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    const client = await this.#client?.catch(() => undefined);
    await client?.close();
  }

  async #list(): Promise<readonly Tool[]> {
    const client = await this.#connected();
    if (client.getServerCapabilities()?.tools === undefined) return [];
    return (await client.listTools(undefined, { timeout: START_TIMEOUT_MS })).tools;
  }

  #connected(): Promise<Client> {
    if (this.#isClosed) return Promise.reject(new Error('The session has ended.'));
    this.#client ??= this.#connect().catch((error: unknown) => {
      this.#client = undefined;
      throw error;
    });
    return this.#client;
  }

  async #connect(): Promise<Client> {
    const client = new Client(
      { ...PRODUCT },
      {
        capabilities: { elicitation: { form: {}, url: {} } },
        listChanged: { tools: { autoRefresh: false, onChanged: () => this.#forgetTools() } },
      },
    );
    client.setRequestHandler('elicitation/create', ({ params }, { mcpReq }) =>
      this.#options.onQuestion(params, mcpReq.signal),
    );
    await client.connect(this.#options.open() as Transport, { timeout: START_TIMEOUT_MS });
    // Only from now on: who looks at the tools again because a connection was lost must not lose it over and over.
    client.onclose = () => {
      this.#client = undefined;
      this.#forgetTools();
    };
    return client;
  }

  #forget(): void {
    this.#tools = undefined;
  }

  #forgetTools(): void {
    this.#forget();
    if (!this.#isClosed) this.#options.onToolsChanged();
  }
}
