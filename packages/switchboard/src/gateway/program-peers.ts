/**
 * The other nodes of a cluster, for a program around the gateway: which of them has what only one may have, and lines of text between them. A
 * line is one request that stays open and brings what the other node says; what is said to it is sent in requests of its own, one after the other.
 */
import { randomUUID } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { setTimeout as pause } from 'node:timers/promises';
import { z } from 'zod';

import type { Nodes } from '../peers/nodes.ts';
import { Owners } from '../peers/owners.ts';
import type { Owned } from '../peers/owners.ts';
import { lossOf } from '../peers/peer-link.ts';
import type { PeerLink } from '../peers/peer-link.ts';
import { SwitchboardError, asSwitchboardError } from '../protocol/errors.ts';
import type { JsonObject } from '../protocol/jsonrpc.ts';
import { keepOptions } from '../stores/followed-lease.ts';
import type { KeepOptions, SharedStore, StoreNotice } from '../stores/store.ts';
import { readBody } from '../transports/http/body.ts';
import { LineSplitter } from '../transports/stdio/lines.ts';
import { owned } from '../util/owned.ts';
import type { LineHandlers, PeerLine, Program } from './program.ts';

/** The other nodes of a cluster, for a program around the gateway. */
export interface Peers {
  /** The id of this node; another one after it was taken for gone. Not a secret. */
  readonly id: string;
  /** Whether another node of this id is there. @throws {SwitchboardError} `SWB_STORE_UNAVAILABLE` */
  has(id: string): Promise<boolean>;
  /**
   * Finds the node that has something that only one may have; where none has it, this one takes it.
   *
   * @param value called when this node does not have it any more; the last one that was given for this name.
   * @returns the id of another node, or nothing: then it is this one's, until it is released.
   * @throws {SwitchboardError} `SWB_STORE_UNAVAILABLE`; `SWB_NODE_UNREACHABLE` when it was not certain for 10 s who has it.
   */
  find(name: string, value: { giveUp(reason: string): void }): Promise<string | undefined>;
  /** Gives it back; does nothing where another value was given since. Never rejects. */
  release(name: string, value: { giveUp(reason: string): void }): Promise<void>;
  /** How something is kept in the store so that it is not written any more once another node was taken for the owner. */
  keep(ttlMs: number): KeepOptions;
  /**
   * Opens a line to the program of a node; that of this one is served here.
   *
   * @param greeting the first thing that it gets; up to 64 MiB.
   * @throws {SwitchboardError} `SWB_NODE_UNREACHABLE`, `SWB_NODE_LOST`, `SWB_NOT_OWNER`
   */
  open(node: string, greeting: JsonObject, handlers: LineHandlers): Promise<PeerLine>;
}

export interface ProgramPeersOptions {
  nodes: Nodes;
  link: PeerLink;
  store: SharedStore;
  program: Program;
  onNotice(notice: StoreNotice): void;
}

/** Below it the programs of nodes speak to each other. */
export const PROGRAM_PATH = '/peer/program';
const PATIENCE_MS = 10_000;
const POLL_MS = 200;
const MAX_GREETING_BYTES = 64 * 1024 * 1024;
/** How much may wait to be sent on a line; then it is closed. */
const MAX_WAITING_BYTES = 16 * 1024 * 1024;
const HEADERS = { 'content-type': 'application/json' } as const;

const greetingSchema = z.object({ node: z.string(), greeting: z.record(z.string(), z.unknown()) });
const textsSchema = z.array(z.string());

/** A line that another node has opened. */
interface Hosted {
  node: string;
  handlers: LineHandlers;
  close(): void;
}

export class ProgramPeers implements Peers {
  readonly #options: ProgramPeersOptions;
  readonly #owners: Owners<Owned>;
  readonly #hosted: Map<string, Hosted> = new Map();
  #isClosed = false;

  constructor(options: ProgramPeersOptions) {
    const { store, nodes, onNotice } = options;
    this.#options = options;
    this.#owners = new Owners({ store, nodes, onNotice });
  }

  get id(): string {
    return this.#options.nodes.id;
  }

  async has(id: string): Promise<boolean> {
    return (await this.#options.nodes.other(id)) !== undefined;
  }

  async find(name: string, value: Owned): Promise<string | undefined> {
    // After a pause others may have taken what was this node's.
    await this.#options.nodes.settled();
    const until = performance.now() + PATIENCE_MS;
    for (;;) {
      try {
        return (await this.#owners.find(noteOf(name), value))?.id;
      } catch (thrown) {
        const error = asSwitchboardError(thrown);
        const isPassing = error.code === 'SWB_NODE_UNREACHABLE' && performance.now() < until && !this.#isClosed;
        if (!isPassing) throw error;
      }
      await pause(POLL_MS);
    }
  }

  release(name: string, value: Owned): Promise<void> {
    return this.#owners.release(noteOf(name), value);
  }

  keep(ttlMs: number): KeepOptions {
    return keepOptions(ttlMs, () => this.#options.nodes.lease);
  }

  async open(node: string, greeting: JsonObject, handlers: LineHandlers): Promise<PeerLine> {
    const { nodes, link } = this.#options;
    if (node === nodes.id) return this.#openHere(greeting, handlers);
    const peer = await nodes.other(node);
    if (peer === undefined) throw new SwitchboardError('SWB_NODE_UNREACHABLE', { detail: `${node} is not there` });
    const body = JSON.stringify({ node: nodes.id, greeting });
    const gone = new AbortController();
    const request = { method: 'POST', path: PROGRAM_PATH, headers: HEADERS, body, stays: true, signal: gone.signal };
    const answer = await link.send(peer, request);
    if (answer.status !== 200) {
      answer.body.on('error', () => {}).resume();
      throw new SwitchboardError('SWB_NODE_LOST', { detail: `${peer.name} answers ${answer.status}` });
    }
    const id = String(answer.headers['switchboard-line']);
    let isOpen = true;
    const end = (reason: string | undefined): void => {
      if (!isOpen) return;
      isOpen = false;
      gone.abort();
      if (reason !== undefined) handlers.onClose(reason);
    };
    const outbox = new Outbox(
      (texts) => this.#post(node, id, texts, gone.signal),
      (error) => end(error.message),
    );
    const lines = new LineSplitter(
      MAX_WAITING_BYTES,
      (line) => {
        if (isOpen) handlers.onText(line.toString('utf8'));
      },
      () => end('it sent a line without an end'),
    );
    answer.body.on('data', (chunk: Buffer) => lines.push(chunk));
    answer.body.on('error', (error) => end(lossOf(error, peer).message));
    answer.body.on('end', () => end('the other node has closed it'));
    return { send: (text) => outbox.add(text), close: () => end(undefined) };
  }

  #openHere(greeting: JsonObject, handlers: LineHandlers): PeerLine {
    const { onLine } = this.#options.program;
    if (onLine === undefined) throw new SwitchboardError('SWB_NOT_FOUND', { detail: 'no program' });
    let isOpen = true;
    const end = (other: LineHandlers): void => {
      if (isOpen) other.onClose('it was closed');
      isOpen = false;
    };
    const soon = (work: () => void): void => void setImmediate(() => isOpen && work());
    const here = onLine(greeting, {
      send: (text) => soon(() => handlers.onText(text)),
      close: () => soon(() => end(handlers)),
    });
    return { send: (text) => soon(() => here.onText(text)), close: () => end(here) };
  }

  async #post(node: string, id: string, texts: readonly string[], signal: AbortSignal): Promise<void> {
    const { nodes, link } = this.#options;
    const peer = await nodes.other(node);
    if (peer === undefined) throw new SwitchboardError('SWB_NODE_LOST', { detail: node });
    const body = JSON.stringify(texts);
    const path = `${PROGRAM_PATH}/${id}`;
    const answer = await link.send(peer, { method: 'POST', path, headers: HEADERS, body, signal });
    answer.body.on('error', () => {}).resume();
    if (answer.status !== 204)
      throw new SwitchboardError('SWB_NODE_LOST', { detail: `${peer.name}: the line is closed` });
  }

  /** Serves what another node asks at or below {@link PROGRAM_PATH}. */
  async serve(path: string, request: IncomingMessage, response: ServerResponse): Promise<void> {
    const text = await readBody(request, path === PROGRAM_PATH ? MAX_GREETING_BYTES : 2 * MAX_WAITING_BYTES);
    if (path === PROGRAM_PATH) {
      await this.#options.nodes.settled();
      // Nothing would end the line of a node that has hung up meanwhile.
      if (response.destroyed) return;
      this.#host(greetingSchema.parse(JSON.parse(text)), response);
      return;
    }
    const hosted = this.#hosted.get(path.slice(PROGRAM_PATH.length + 1));
    const texts = textsSchema.parse(JSON.parse(text));
    response.writeHead(hosted === undefined ? 404 : 204).end();
    for (const each of texts) hosted?.handlers.onText(each);
  }

  #host({ node, greeting }: z.infer<typeof greetingSchema>, response: ServerResponse): void {
    const { onLine } = this.#options.program;
    if (onLine === undefined || this.#isClosed) throw new SwitchboardError('SWB_NOT_FOUND', { detail: 'no program' });
    const id = randomUUID();
    const end = (): void => {
      this.#hosted.delete(id);
      response.off('close', lost).end();
    };
    const lost = (): void => {
      if (this.#hosted.delete(id)) hosted.handlers.onClose('the other node has closed it');
    };
    const line: PeerLine = {
      send(text) {
        if (response.writableEnded || response.destroyed) return;
        response.write(`${text}\n`);
        if (response.writableLength > MAX_WAITING_BYTES) response.destroy();
      },
      close: end,
    };
    response.writeHead(200, { ...HEADERS, 'switchboard-line': id });
    response.flushHeaders();
    response.once('close', lost);
    response.on('error', () => {});
    const handlers: LineHandlers = { onText() {}, onClose() {} };
    const hosted: Hosted = { node, handlers, close: () => response.destroy() };
    this.#hosted.set(id, hosted);
    hosted.handlers = onLine(greeting, line);
  }

  /** A node is gone. */
  forget(node: string): void {
    for (const hosted of this.#hosted.values()) if (hosted.node === node) hosted.close();
  }

  /** The store may have lost who has what. */
  renew(): void {
    this.#owners.refresh();
  }

  /** Others may have taken everything. */
  giveUp(reason: string): void {
    this.#owners.giveUp();
    this.#options.program.onFenced?.(reason);
  }

  close(): void {
    this.#isClosed = true;
    this.#owners.close();
    for (const hosted of this.#hosted.values()) hosted.close();
  }
}

/** What is said to another node, in its order: what comes while some of it is on its way goes together after it. */
class Outbox {
  readonly #post: (texts: readonly string[]) => Promise<void>;
  readonly #fail: (error: SwitchboardError) => void;
  #waiting: string[] = [];
  #bytes = 0;
  #isSending = false;
  #isFailed = false;

  constructor(post: (texts: readonly string[]) => Promise<void>, fail: (error: SwitchboardError) => void) {
    this.#post = post;
    this.#fail = fail;
  }

  add(text: string): void {
    if (this.#isFailed) return;
    this.#waiting.push(text);
    // As it is sent: in quotes, and escaped.
    this.#bytes += Buffer.byteLength(JSON.stringify(text));
    if (this.#bytes > MAX_WAITING_BYTES) {
      this.#end(new SwitchboardError('SWB_OVERLOADED', { detail: 'too much waits to be sent to another node' }));
    } else if (!this.#isSending) {
      owned(
        () => this.#send(),
        (thrown) => this.#end(asSwitchboardError(thrown)),
      );
    }
  }

  /** Nothing more is sent. */
  #end(error: SwitchboardError): void {
    this.#isFailed = true;
    this.#waiting = [];
    this.#fail(error);
  }

  async #send(): Promise<void> {
    this.#isSending = true;
    while (this.#waiting.length > 0) {
      const texts = this.#waiting;
      this.#waiting = [];
      this.#bytes = 0;
      await this.#post(texts);
    }
    this.#isSending = false;
  }
}

const noteOf = (name: string): string => `program ${name}`;
