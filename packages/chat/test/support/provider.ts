/** Model providers on this machine, with the framing of the real ones: what they answer next is put into them, what they were asked is kept. */
import { createServer } from 'node:http';
import type { ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { onTestFinished } from 'vitest';

export interface Asked {
  headers: Record<string, string | string[] | undefined>;
  body: { messages: { role: string; content: unknown }[]; tools?: { name: string }[]; [key: string]: unknown };
}

/** What an answer is made of. */
export type Piece =
  | { text: string }
  | { call: string; arguments: object }
  /** Nothing more comes, and the connection stays open. */
  | 'hang'
  /** The connection is cut. */
  | 'cut'
  /** The stream ends as if it were complete, without saying so. */
  | 'stop'
  | { error: string };

export type Answer = Piece[] | { status: number; headers?: Record<string, string>; body?: object };

export interface FakeProvider {
  url: string;
  asked: Asked[];
  /** How many of its connections were hung up while they were answered. */
  hungUp: number;
  /** How many tokens of the next request it had kept from those before. */
  cached: number;
  answers: Answer[];
  /** What is answered when `answers` is empty. */
  respond?: (asked: Asked) => Answer;
}

/** Words, or larger pieces of a longer text. */
const inPieces = (text: string): string[] => text.match(text.length < 200 ? /\S+\s*/g : /[^]{1,1000}/g) ?? [];

/** Ends a stream before its time. @returns whether it did. */
function ends(response: ServerResponse, piece: Piece): piece is 'hang' | 'cut' | 'stop' {
  if (piece === 'cut') setImmediate(() => response.destroy());
  if (piece === 'stop') response.end();
  return typeof piece === 'string';
}

type Writer = (response: ServerResponse, pieces: readonly Piece[], cached: number) => void;

async function start(path: string, write: Writer): Promise<FakeProvider> {
  const provider: FakeProvider = { url: '', asked: [], answers: [], hungUp: 0, cached: 0 };
  const server = createServer((request, response) => {
    let text = '';
    request.on('data', (chunk: Buffer) => (text += chunk.toString()));
    request.on('end', () => {
      provider.asked.push({ headers: request.headers, body: JSON.parse(text) as Asked['body'] });
      const answer =
        request.url === path
          ? (provider.answers.shift() ?? provider.respond?.(provider.asked.at(-1)!))
          : { status: 404 };
      if (answer === undefined || !Array.isArray(answer)) {
        const { status = 500, headers = {}, body = REFUSAL } = answer ?? {};
        response.writeHead(status, { 'content-type': 'application/json', ...headers }).end(JSON.stringify(body));
        return;
      }
      response.on('close', () => (provider.hungUp += response.writableFinished ? 0 : 1));
      response.writeHead(200, { 'content-type': 'text/event-stream' });
      write(response, answer, provider.cached);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  provider.url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/v1`;
  return provider;
}

const REFUSAL = { type: 'error', error: { type: 'invalid_request_error', message: 'as the test wants it' } };

/** Anthropic's Messages API. */
export const fakeAnthropic = (): Promise<FakeProvider> =>
  start('/v1/messages', (response, pieces, cached) => {
    const event = (type: string, data: object): void => {
      response.write(`event: ${type}\ndata: ${JSON.stringify({ type, ...data })}\n\n`);
    };
    event('message_start', {
      message: {
        id: 'msg_1',
        type: 'message',
        role: 'assistant',
        model: 'claude-test',
        content: [],
        stop_reason: null,
        stop_sequence: null,
        usage: { input_tokens: 100, cache_read_input_tokens: cached, output_tokens: 1 },
      },
    });
    event('ping', {});
    for (const [index, piece] of pieces.entries()) {
      if (ends(response, piece)) return;
      if ('error' in piece) {
        event('error', { error: { type: piece.error, message: 'as the test wants it' } });
        response.end();
        return;
      }
      if ('text' in piece) {
        event('content_block_start', { index, content_block: { type: 'text', text: '' } });
        for (const word of inPieces(piece.text)) {
          event('content_block_delta', { index, delta: { type: 'text_delta', text: word } });
        }
      } else {
        const block = { type: 'tool_use', id: `toolu_${index}_${Math.random()}`, name: piece.call, input: {} };
        event('content_block_start', { index, content_block: block });
        for (const part of JSON.stringify(piece.arguments).match(/.{1,5}/g) ?? []) {
          event('content_block_delta', { index, delta: { type: 'input_json_delta', partial_json: part } });
        }
      }
      event('content_block_stop', { index });
    }
    const stop_reason = pieces.some((piece) => typeof piece === 'object' && 'call' in piece) ? 'tool_use' : 'end_turn';
    event('message_delta', { delta: { stop_reason, stop_sequence: null }, usage: { output_tokens: 20 } });
    event('message_stop', {});
    response.end();
  });

/** OpenAI's chat completions, as local servers speak them too. */
export const fakeOpenAi = (): Promise<FakeProvider> =>
  start('/v1/chat/completions', (response, pieces) => {
    const chunk = (delta: object, finish_reason: string | null = null, more: object = {}): void => {
      const data = { id: 'c1', object: 'chat.completion.chunk', created: 1, model: 'local' };
      response.write(
        `data: ${JSON.stringify({ ...data, choices: [{ index: 0, delta, finish_reason }], ...more })}\n\n`,
      );
    };
    let calls = 0;
    chunk({ role: 'assistant', content: '' });
    for (const piece of pieces) {
      if (ends(response, piece)) return;
      if ('error' in piece) {
        response.write(
          `data: ${JSON.stringify({ error: { message: 'as the test wants it', type: piece.error } })}\n\n`,
        );
        response.end();
        return;
      }
      if ('text' in piece) for (const word of inPieces(piece.text)) chunk({ content: word });
      else {
        const index = calls++;
        const id = `call_${index}_${Math.random()}`;
        const [first = '', ...rest] = JSON.stringify(piece.arguments).match(/.{1,5}/g) ?? [];
        chunk({ tool_calls: [{ index, id, type: 'function', function: { name: piece.call, arguments: first } }] });
        for (const part of rest) chunk({ tool_calls: [{ index, function: { arguments: part } }] });
      }
    }
    chunk({}, calls > 0 ? 'tool_calls' : 'stop');
    const usage = { prompt_tokens: 100, completion_tokens: 20, total_tokens: 120 };
    response.write(
      `data: ${JSON.stringify({ id: 'c1', object: 'chat.completion.chunk', created: 1, model: 'local', choices: [], usage })}\n\n`,
    );
    response.end('data: [DONE]\n\n');
  });
