/**
 * A channel to a member at another node: what a live member here says to its server goes to the node that has the server. One request of the
 * peer link stays open and brings what belongs to no request; each request of a client is one of its own, whose answer is lines of JSON.
 */
import type { Readable } from 'node:stream';
import { z } from 'zod';
import type { ZodType } from 'zod';

import type { CloseName } from '../protocol/close-codes.ts';
import type { Era } from '../protocol/eras.ts';
import { ERRORS, SwitchboardError, asSwitchboardError } from '../protocol/errors.ts';
import type { ErrorName } from '../protocol/errors.ts';
import { encodeMessage, failure, isObject, isRequest, isResponse, parseMessage, result } from '../protocol/jsonrpc.ts';
import type { JsonObject, Message, RpcId, RpcNotification, RpcRequest } from '../protocol/jsonrpc.ts';
import { LARGE_BYTES } from '../protocol/large-call.ts';
import { LazyResult } from '../protocol/lazy-result.ts';
import type { Channel, ChannelHandlers, Sender } from '../transports/channel.ts';
import { JSON_TYPE } from '../transports/http/media.ts';
import { LineSplitter } from '../transports/stdio/lines.ts';
import { once } from '../util/once.ts';
import { owned } from '../util/owned.ts';
import { unreffed } from '../util/timers.ts';
import { lossOf } from './peer-link.ts';
import type { Peer, PeerAnswer, PeerLink } from './peer-link.ts';

/** Below it a node lends its members. */
export const MEMBERS_PATH = '/peer/members';
/** Who a request is of, as it was found out where it came in. */
export const SENDER_HEADER = 'switchboard-peer-sender';

export interface MemberChannelOptions {
  link: PeerLink;
  /** The node that has the member. */
  node: Peer & { name: string };
  /** What the nodes know the member by. */
  name: string;
  /** The id of this node. */
  self: string;
  maxMessageBytes: number;
}

/** How long answers may be on their way when a member is gone. */
const PARTING_MS = 500;
/** What is read of a refusal. */
const MAX_REFUSAL_BYTES = 64 * 1024;
const HEADERS = { 'content-type': JSON_TYPE } as const;
/** The first line of what stays open. */
interface Greeting {
  session: string;
  era: Era;
  handshake: JsonObject;
}

const greeting: ZodType<Greeting> = z.object({
  session: z.string(),
  era: z.enum(['legacy', 'modern']),
  handshake: z.record(z.string(), z.unknown()),
});
/** A line of it that is no message: the member takes nothing new, or is gone. */
const farewell = z.union([z.object({ left: z.string() }), z.object({ gone: z.string() })]);

/**
 * Opens a channel to a member at another node; it is started there if need be.
 *
 * @throws {SwitchboardError} `SWB_NOT_OWNER` when the node does not have it, `SWB_NODE_UNREACHABLE` and `SWB_NODE_LOST` when it does not
 * answer, or why it could not be started there.
 */
export async function openMember(options: MemberChannelOptions): Promise<MemberChannel> {
  const { link, node, name, self, maxMessageBytes } = options;
  const body = JSON.stringify({ name, node: self });
  const answer = await link.send(node, { method: 'POST', path: MEMBERS_PATH, headers: HEADERS, body, stays: true });
  if (answer.status !== 200) throw await refusalOf(answer, node);
  const said = new Lines(answer.body, maxMessageBytes);
  const first = await said.first().catch((thrown: unknown) => {
    throw lossOf(thrown, node);
  });
  const known = greeting.safeParse(parsed(first?.toString('utf8')));
  // What comes at once with it is that the member is gone, or has left.
  if (known.success && said.isQuiet) return new MemberChannel(options, known.data, said);
  said.close();
  const detail = known.success ? 'it ended at once' : 'it does not say which member it lends';
  throw new SwitchboardError('SWB_NODE_LOST', { detail: `${node.name}: ${detail}` });
}

export class MemberChannel implements Channel {
  /** The name of the node that has the member. */
  readonly node: string;
  readonly era: Era;
  readonly #options: MemberChannelOptions;
  readonly #greeting: Greeting;
  readonly #said: Lines;
  /** What gives up each request that is under way. */
  readonly #open: Map<RpcId, AbortController> = new Map();
  #handlers!: ChannelHandlers;
  #senderOf: (id: RpcId) => Sender | undefined = () => undefined;
  #isHandshakeDone = false;
  #parting: NodeJS.Timeout | undefined;
  #closed = false;

  constructor(options: MemberChannelOptions, known: Greeting, said: Lines) {
    this.node = options.node.name;
    this.era = known.era;
    this.#options = options;
    this.#greeting = known;
    this.#said = said;
  }

  start(handlers: ChannelHandlers): void {
    this.#handlers = handlers;
    this.#said.read(
      (line) => this.#hear(line),
      (error) => {
        if (this.#parting === undefined)
          this.#failAll(lossOf(error ?? new Error('it ended without a word'), this.#options.node));
      },
    );
  }

  setSenders(of: (id: RpcId) => Sender | undefined): void {
    this.#senderOf = of;
  }

  send(message: Message): void {
    if (this.#closed) return;
    if (isRequest(message)) {
      if (this.#isHandshakeDone || !isHandshake(message)) this.#ask(message);
      else this.#answerHandshake(message);
    } else if (!isResponse(message)) this.#notify(message);
  }

  abandon(id: RpcId): void {
    const asked = this.#open.get(id);
    this.#open.delete(id);
    asked?.abort();
  }

  close(_why?: CloseName, reason = 'closed'): void {
    if (this.#closed) return;
    this.#end(() => queueMicrotask(() => this.#handlers.onClose(reason)));
  }

  /** The first handshake was done where the member was started. */
  #answerHandshake({ id, method }: RpcRequest): void {
    const { handshake } = this.#greeting;
    const isAsked = method === HANDSHAKES[this.era];
    this.#isHandshakeDone ||= isAsked;
    const error = new SwitchboardError('SWB_METHOD_NOT_FOUND', { detail: method });
    const answer = isAsked ? result(id, handshake) : failure(id, error.toRpc());
    queueMicrotask(() => this.#closed || this.#handlers.onMessage(answer));
  }

  #notify(note: RpcNotification): void {
    const { method, params } = note;
    // To hang up is how a request is given up between nodes.
    if (method === 'notifications/cancelled') this.abandon(params?.['requestId'] as RpcId);
    else if (method !== 'notifications/initialized') {
      owned(
        async () => (await this.#post(note, undefined, undefined)).body.resume(),
        () => {},
      );
    }
  }

  #ask(request: RpcRequest): void {
    const { id } = request;
    const controller = new AbortController();
    this.#open.set(id, controller);
    owned(
      () => this.#exchange(request, controller.signal),
      (thrown) => this.#fail(id, thrown),
    );
  }

  async #exchange(request: RpcRequest, signal: AbortSignal): Promise<void> {
    const { node, maxMessageBytes } = this.#options;
    const answer = await this.#post(request, this.#senderOf(request.id), signal);
    if (answer.status !== 200) throw await refusalOf(answer, node);
    await new Promise<void>((resolve, reject) => {
      new Lines(answer.body, maxMessageBytes).read(
        (line) => owned(() => this.#answer(request.id, line), reject),
        (error) => {
          if (!this.#open.has(request.id)) resolve();
          else reject(lossOf(error ?? new Error('it ended before the answer'), node));
        },
      );
    });
  }

  #post(message: Message, sender: Sender | undefined, signal: AbortSignal | undefined): Promise<PeerAnswer> {
    const { link, node } = this.#options;
    const from = sender === undefined ? undefined : { [SENDER_HEADER]: encodeSender(sender) };
    const path = `${MEMBERS_PATH}/${this.#greeting.session}`;
    const body = encodeMessage(message);
    const account = sender?.origin ?? sender?.account;
    return link.send(node, { method: 'POST', path, headers: { ...HEADERS, ...from }, body, account, signal });
  }

  #answer(id: RpcId, line: Buffer): void {
    if (!this.#open.has(id)) return;
    const message =
      (line.length >= LARGE_BYTES ? LazyResult.from(line) : undefined) ?? parseMessage(line.toString('utf8'));
    if (isResponse(message)) this.#open.delete(id);
    this.#handlers.onMessage(message, id);
  }

  /** The node did nothing with a request where it does not have the member any more, or could not be reached: another has it then. */
  #fail(id: RpcId, thrown: unknown): void {
    if (!this.#open.delete(id)) return;
    const error = asSwitchboardError(thrown);
    if (error.code === 'SWB_NOT_OWNER' || error.code === 'SWB_NODE_UNREACHABLE') this.#leave(error.message, id);
    else this.#handlers.onMessage(failure(id, error.toRpc()));
  }

  #leave(reason: string, refused?: RpcId): void {
    if (this.#handlers.onSessionLost === undefined) this.close(undefined, reason);
    else this.#handlers.onSessionLost(refused, reason);
  }

  #hear(line: Buffer): void {
    if (this.#closed) return;
    const last = farewell.safeParse(parsed(line.toString('utf8')));
    if (!last.success) {
      owned(
        () => this.#handlers.onMessage(parseMessage(line.toString('utf8'))),
        (thrown) => this.#handlers.onBadMessage(asSwitchboardError(thrown)),
      );
    } else if ('left' in last.data) this.#leave(last.data.left);
    else this.#part(last.data.gone);
  }

  /** The member is gone. Answers to what it had begun are on their way, each on a connection of its own, and may come after that word. */
  #part(reason: string): void {
    if (this.#open.size > 0) {
      this.#parting = unreffed(setTimeout(() => this.close(undefined, reason), PARTING_MS));
      this.#leave(reason);
    } else this.close(undefined, reason);
  }

  /** What was under way there will not be answered. */
  #failAll(error: SwitchboardError): void {
    if (this.#closed) return;
    for (const id of this.#open.keys()) this.#handlers.onMessage(failure(id, error.toRpc()));
    this.#end(() => this.#handlers.onClose(error.message));
  }

  #end(onEnd: () => void): void {
    this.#closed = true;
    clearTimeout(this.#parting);
    for (const asked of this.#open.values()) asked.abort();
    this.#open.clear();
    this.#said.close();
    onEnd();
  }
}

/** The lines of an answer: perhaps the first by itself, then all others while they come. */
class Lines {
  readonly #body: Readable;
  readonly #early: Buffer[] = [];
  #onLine: ((line: Buffer) => void) | undefined;
  #onEnd: (error?: Error) => void = () => {};
  /** How it ended. */
  #ended: [error?: Error] | undefined;

  constructor(body: Readable, maxBytes: number) {
    this.#body = body;
    const lines = new LineSplitter(
      maxBytes,
      (line) => {
        if (this.#onLine === undefined) this.#early.push(line);
        else this.#onLine(line);
      },
      (bytes) => {
        const detail = `${bytes} bytes, the limit is ${maxBytes} (maxUpstreamMessageSize)`;
        body.destroy(new SwitchboardError('SWB_MESSAGE_TOO_LARGE', { detail }));
      },
    );
    const end = once(() => this.#onEnd(...(this.#ended ??= [])));
    body.on('data', (chunk: Buffer) => lines.push(chunk));
    body.on('error', (error: Error) => {
      this.#ended ??= [error];
      end();
    });
    body.once('close', end);
  }

  /** Whether neither its end nor another line has come. */
  get isQuiet(): boolean {
    return this.#ended === undefined && this.#early.length === 0;
  }

  /** Nothing where it ends before. */
  first(): Promise<Buffer | undefined> {
    return new Promise((resolve, reject) => {
      const [line] = this.#early.splice(0, 1);
      if (line !== undefined) {
        resolve(line);
        return;
      }
      this.#onEnd = (error) => (error === undefined ? resolve(undefined) : reject(error));
      this.#onLine = (next) => {
        this.#onLine = undefined;
        resolve(next);
      };
    });
  }

  /** @param onEnd called once, after the last line. */
  read(onLine: (line: Buffer) => void, onEnd: (error?: Error) => void): void {
    this.#onLine = onLine;
    this.#onEnd = onEnd;
    for (const line of this.#early.splice(0)) onLine(line);
    if (this.#ended !== undefined) onEnd(...this.#ended);
  }

  close(): void {
    this.#body.destroy();
  }
}

const HANDSHAKES: Readonly<Record<Era, string>> = { legacy: 'initialize', modern: 'server/discover' };

const isHandshake = ({ method }: RpcRequest): boolean => Object.values(HANDSHAKES).includes(method);

/** And nothing else that is known of it. */
const encodeSender = ({ principal, affinity, account, loose, logLevel }: Sender): string =>
  Buffer.from(JSON.stringify({ principal, affinity, account, loose, logLevel })).toString('base64url');

function parsed(text = ''): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** Why another node refuses, as it says itself. */
async function refusalOf({ status, body }: PeerAnswer, node: Peer & { name: string }): Promise<SwitchboardError> {
  const value = parsed(await textIn(body, MAX_REFUSAL_BYTES));
  const error = isObject(value) && isObject(value['error']) ? value['error'] : {};
  const { message, data } = error;
  const code = isObject(data) ? data['code'] : undefined;
  if (typeof message !== 'string' || !isObject(data) || typeof code !== 'string' || !Object.hasOwn(ERRORS, code)) {
    return new SwitchboardError('SWB_NODE_LOST', { detail: `${node.name} answers with HTTP status ${status}` });
  }
  const sentence = `${ERRORS[code as ErrorName].message}: `;
  const detail = message.startsWith(sentence) ? message.slice(sentence.length) : message;
  return new SwitchboardError(code as ErrorName, { detail, data });
}

/** The beginning of a body; what fails is the end of it. */
async function textIn(body: Readable, maxBytes: number): Promise<string> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  try {
    for await (const chunk of body as AsyncIterable<Buffer>) {
      chunks.push(chunk);
      bytes += chunk.length;
      if (bytes > maxBytes) break;
    }
  } catch {
    // What came will do.
  }
  return Buffer.concat(chunks).toString('utf8');
}
