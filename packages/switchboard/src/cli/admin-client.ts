/** How the commands for operators find a running Switchboard and speak with its admin API. */
import { request as httpRequest } from 'node:http';
import type { IncomingMessage } from 'node:http';
import { Command } from 'commander';

import { ERRORS, SwitchboardError } from '../protocol/errors.ts';
import type { ErrorName } from '../protocol/errors.ts';
import { isObject } from '../protocol/jsonrpc.ts';
import { UNANSWERED_HEADER } from '../gateway/admin/spread.ts';
import { isLoopback } from '../util/address.ts';
import { describeRun, runFiles } from './run-file.ts';
import { clean } from './table.ts';
import { usageError } from './exit.ts';

export interface AdminFlags {
  url?: string;
  token?: string;
  json?: boolean;
}

const TIMEOUT_MS = 120_000;
const MAX_ANSWER_BYTES = 64 * 1024 * 1024;

/** A command with the flags that all commands for operators have. */
export function adminCommand(name: string, description: string): Command {
  return new Command(name)
    .description(description)
    .option(
      '--url <url>',
      'the address of a Switchboard, such as http://127.0.0.1:8765. Default: the one that runs here',
    )
    .option(
      '--token <token>',
      'the token of its admin API; better in SWITCHBOARD_ADMIN_TOKEN, as others can read command lines',
    )
    .option('--json', 'print the answer as JSON');
}

export class AdminClient {
  readonly #url: string;
  readonly #token: string;

  constructor(url: string, token: string) {
    this.#url = url;
    this.#token = token;
  }

  /**
   * By the flags and the environment, else by what running ones have written down.
   *
   * @throws {SwitchboardError} `SWB_CONNECT_FAILED` when there is none, `SWB_SEVERAL_RUN`; `SWB_UNAUTHORIZED` without a token.
   */
  static find({ url, token }: AdminFlags, environment: NodeJS.ProcessEnv): AdminClient {
    const running = runFiles(environment);
    const shown = token || environment['SWITCHBOARD_ADMIN_TOKEN'] || undefined;
    if (url !== undefined) {
      const address = adminUrl(url);
      const known = running.find((run) => isSameListener(run.url, address));
      const found = shown ?? known?.token;
      if (found === undefined || found === '') {
        const detail = `give the token of ${address} with --token or in SWITCHBOARD_ADMIN_TOKEN`;
        throw new SwitchboardError('SWB_UNAUTHORIZED', { detail });
      }
      return new AdminClient(shown === undefined ? known!.url : address, found);
    }
    const [only, ...others] = running;
    if (only === undefined) {
      const detail = 'no Switchboard of this user runs here; start one with switchboard serve, or name one with --url';
      throw new SwitchboardError('SWB_CONNECT_FAILED', { detail });
    }
    if (others.length > 0) {
      const each = running.map((run) => `\n  ${describeRun(run)}`).join('');
      throw new SwitchboardError('SWB_SEVERAL_RUN', { detail: `${each}\nChoose one with its --url` });
    }
    return new AdminClient(only.url, shown ?? only.token);
  }

  /**
   * @returns the answer. In a cluster, nodes that did not do it are named on stderr.
   * @throws {SwitchboardError} what the API refuses with, or `SWB_CONNECT_FAILED`
   */
  async ask<Answer>(
    method: string,
    path: string,
    body?: object,
    onHead: (response: IncomingMessage) => void = () => {},
  ): Promise<Answer> {
    const response = await this.#request(method, path, body);
    onHead(response);
    const text = await textOf(response);
    let answer: unknown;
    try {
      answer = JSON.parse(text);
    } catch (cause) {
      throw new SwitchboardError('SWB_CONNECT_FAILED', { detail: `${this.#url}: the answer is no JSON`, cause });
    }
    if ((response.statusCode ?? 0) < 300) {
      for (const [node, error] of failedNodes(answer))
        process.stderr.write(`${clean(`not done by ${node}: ${error}`)}\n`);
      return answer as Answer;
    }
    throw errorOf(answer, `${this.#url} answered ${response.statusCode}`);
  }

  /** A list of all nodes, where there are several; those that did not answer are named on stderr. @throws as {@link ask} */
  async askAll<Item>(path: string): Promise<(Item & { node?: string })[]> {
    return this.ask<(Item & { node?: string })[]>('GET', path, undefined, ({ headers }) => {
      const missing = headers[UNANSWERED_HEADER];
      if (typeof missing !== 'string') return;
      const names = missing.split(' ').map(decodeURIComponent).join(', ');
      process.stderr.write(`${clean(`not answered by: ${names}`)}\n`);
    });
  }

  /**
   * The data of server-sent events as they come, each the text of a JSON object.
   *
   * @throws {SwitchboardError} what the API refuses with, or `SWB_CONNECT_FAILED` when the connection breaks
   */
  async *stream(path: string, query: Readonly<Record<string, string | undefined>>): AsyncGenerator<string> {
    const given = Object.entries(query).filter((entry): entry is [string, string] => entry[1] !== undefined);
    const response = await this.#request('GET', `${path}?${new URLSearchParams(given).toString()}`);
    if (response.statusCode !== 200) throw this.#refusal(response, await textOf(response));
    response.setEncoding('utf8');
    let rest = '';
    try {
      for await (const chunk of response as AsyncIterable<string>) {
        const parts = (rest + chunk).split('\n\n');
        rest = parts.pop() ?? '';
        if (rest.length > MAX_ANSWER_BYTES) throw new Error(`an event of more than ${MAX_ANSWER_BYTES} bytes`);
        for (const part of parts) {
          const data = /^data: (.*)$/m.exec(part)?.[1];
          if (data !== undefined) yield data;
        }
      }
    } catch (cause) {
      const detail = `${this.#url}: the connection broke (${cause instanceof Error ? cause.message : String(cause)})`;
      throw new SwitchboardError('SWB_CONNECT_FAILED', { detail, cause });
    }
  }

  /** What the API sends as it comes, such as a file. @throws {SwitchboardError} what it refuses with, or `SWB_CONNECT_FAILED` */
  async body(path: string): Promise<IncomingMessage> {
    const response = await this.#request('GET', path);
    if (response.statusCode !== 200) throw this.#refusal(response, await textOf(response));
    return response;
  }

  #refusal({ statusCode }: IncomingMessage, text: string): SwitchboardError {
    const otherwise = `${this.#url} answered ${statusCode}`;
    try {
      return errorOf(JSON.parse(text), otherwise);
    } catch {
      return errorOf(undefined, otherwise);
    }
  }

  #request(method: string, path: string, body?: object): Promise<IncomingMessage> {
    return new Promise((resolve, reject) => {
      const text = body === undefined ? undefined : JSON.stringify(body);
      const headers = {
        authorization: `Bearer ${this.#token}`,
        ...(text !== undefined && { 'content-type': 'application/json', 'content-length': Buffer.byteLength(text) }),
      };
      const request = httpRequest(`${this.#url}${path}`, { method, headers, agent: false }, (response) => {
        request.setTimeout(0);
        resolve(response);
      });
      request.setTimeout(TIMEOUT_MS, () => request.destroy(new Error(`no answer for ${TIMEOUT_MS / 1000} s`)));
      request.on('error', (cause) => {
        reject(new SwitchboardError('SWB_CONNECT_FAILED', { detail: `${this.#url}: ${cause.message}`, cause }));
      });
      request.end(text);
    });
  }
}

/** The nodes of a cluster that did not do what was asked of all of them, and why. */
function failedNodes(answer: unknown): [string, string][] {
  const nodes = isObject(answer) && isObject(answer['nodes']) ? answer['nodes'] : {};
  return Object.entries(nodes).flatMap(([node, said]): [string, string][] =>
    isObject(said) && typeof said['error'] === 'string' ? [[node, said['error']]] : [],
  );
}

/**
 * Whether a URL means the Switchboard that noted its own: another address of this machine may be somebody else's, who must not be given
 * the noted token. `localhost` means the one that is noted, whichever address it has.
 */
function isSameListener(noted: string, asked: string): boolean {
  const [one, other] = [new URL(noted), new URL(asked)];
  return one.port === other.port && (one.hostname === other.hostname || other.hostname === 'localhost');
}

/** The token goes over this, so it is for this machine only, as the API is. */
function adminUrl(text: string): string {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url === undefined || !/^(http|ws):$/.test(url.protocol) || !isLoopback(url.hostname)) {
    const detail = `--url: expected an address of this machine such as http://127.0.0.1:8765, got ${JSON.stringify(text)}`;
    throw usageError(detail);
  }
  return `http://${url.host}/admin`;
}

async function textOf(response: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of response as AsyncIterable<Buffer>) {
    bytes += chunk.length;
    if (bytes > MAX_ANSWER_BYTES) throw new SwitchboardError('SWB_MESSAGE_TOO_LARGE', { detail: `${bytes} bytes` });
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}

/** The error that the API answered with, as if it had been raised here. */
function errorOf(answer: unknown, otherwise: string): SwitchboardError {
  const error = isObject(answer) && isObject(answer['error']) ? answer['error'] : {};
  const name = isObject(error['data']) ? error['data']['code'] : undefined;
  const { message } = error;
  if (typeof name !== 'string' || !Object.hasOwn(ERRORS, name) || typeof message !== 'string') {
    return new SwitchboardError('SWB_CONNECT_FAILED', { detail: otherwise });
  }
  const code = name as ErrorName;
  const said = clean(message);
  const own = ERRORS[code].message;
  return new SwitchboardError(code, said.startsWith(`${own}: `) ? { detail: said.slice(own.length + 2) } : {});
}
