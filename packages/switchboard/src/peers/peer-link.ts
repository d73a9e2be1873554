/** Requests to other nodes: signed, over connections that are kept, and given up as soon as it is known that a node is gone. */
import type { IncomingHttpHeaders } from 'node:http';
import type { Readable } from 'node:stream';
import type { Agent } from 'undici';

import { Tally } from '../limits/tally.ts';
import { SwitchboardError } from '../protocol/errors.ts';
import type { ClusterKey } from './cluster-key.ts';
import { digestOfBody } from '../transports/http/body.ts';
import { once } from '../util/once.ts';
import { ANOTHER_STATUS } from './peer-listener.ts';
import { BODY_HEADER, SIGNATURE_HEADER, isAnswerSigned, signRequest } from './signature.ts';

export interface PeerLinkOptions {
  key: ClusterKey;
  /** The id under which this node is known now. */
  self(): string;
  /**
   * Requests under way to one node, without those that stay; one more is refused. Half of them may be for one account, so that nobody
   * takes the link from the others.
   */
  maxRequests: number;
  /** Authorities to trust where nodes speak TLS, as PEM. @default those of Node */
  ca?: string | undefined;
}

/** Another node, as its record says. */
export interface Peer {
  id: string;
  url: string;
}

export interface PeerRequest {
  method: string;
  /** With its query. */
  path: string;
  headers: Readonly<Record<string, string>>;
  body?: Buffer | string | undefined;
  /** Whom it is counted for. @default nobody: the nodes need it themselves */
  account?: string | undefined;
  /** Gives the request and its answer up. */
  signal?: AbortSignal | undefined;
  /** Whether its answer stays open as long as this node needs something there. Something else limits how many there are. @default false */
  stays?: boolean | undefined;
}

export interface PeerAnswer {
  status: number;
  headers: IncomingHttpHeaders;
  /** Fails with `SWB_NODE_LOST` when the node is gone before the end. */
  body: Readable;
}

/** How long a connection to a node may take. */
const CONNECT_MS = 2000;
/** Less than the other side keeps it. */
const KEEP_MS = 30_000;
/** One account may have so much of the link: one of so many parts. */
const SHARE = 2;
/** What is known to have failed before anything was sent. */
const NOT_CONNECTED =
  /^(ECONNREFUSED|EHOSTUNREACH|ENETUNREACH|ENOTFOUND|EAI_AGAIN|ETIMEDOUT|UND_ERR_CONNECT_TIMEOUT|(DEPTH_ZERO_)?SELF_SIGNED_CERT.*|UNABLE_TO_.*|CERT_.*|ERR_TLS_.*)$/;

export class PeerLink {
  readonly #options: PeerLinkOptions;
  /** What is under way, by the node's id. */
  readonly #open: Map<string, Set<AbortController>> = new Map();
  readonly #staying: Map<string, Set<AbortController>> = new Map();
  /** How many are under way for each account, by node and account. */
  readonly #shares: Tally = new Tally();
  #agent: Agent | undefined;
  #isClosed = false;

  constructor(options: PeerLinkOptions) {
    this.#options = options;
  }

  /** How many requests to other nodes are under way. */
  get size(): number {
    return [...this.#open.values(), ...this.#staying.values()].reduce((sum, { size }) => sum + size, 0);
  }

  /**
   * @throws {SwitchboardError} `SWB_NODE_UNREACHABLE` when the node did nothing with it, `SWB_NODE_LOST` when it may have,
   * `SWB_NOT_OWNER` when another has its place, `SWB_OVERLOADED`.
   */
  async send(peer: Peer, request: PeerRequest): Promise<PeerAnswer> {
    const { method, path, headers, body, signal, account, stays = false } = request;
    const { key, self, maxRequests } = this.#options;
    const agent = await this.#connections();
    const all = stays ? this.#staying : this.#open;
    const open = all.get(peer.id) ?? new Set();
    if (!stays && open.size >= maxRequests) {
      const detail = `${maxRequests} requests are under way to the node ${peer.id}, the limit`;
      throw new SwitchboardError('SWB_OVERLOADED', { detail, data: { retryAfterMs: 1000 } });
    }
    const share = account === undefined ? undefined : `${peer.id} ${account}`;
    const most = Math.ceil(maxRequests / SHARE);
    if (share !== undefined && this.#shares.of(share) >= most) {
      const detail = `${account} has ${most} requests under way to the node ${peer.id}, half of what all may have; wait for answers`;
      throw new SwitchboardError('SWB_OVERLOADED', { detail, data: { retryAfterMs: 1000 } });
    }
    const controller = new AbortController();
    const abort = (): void => controller.abort();
    all.set(peer.id, open.add(controller));
    if (signal?.aborted === true) abort();
    signal?.addEventListener('abort', abort, { once: true });
    if (share !== undefined) this.#shares.add(share);
    const end = once(() => {
      if (share !== undefined) this.#shares.remove(share);
      signal?.removeEventListener('abort', abort);
      open.delete(controller);
      if (open.size === 0 && all.get(peer.id) === open) all.delete(peer.id);
    });
    try {
      const signed = { ...headers, ...(body !== undefined && { [BODY_HEADER]: digestOfBody(body) }) };
      const { header, nonce } = signRequest(key, { method, path, headers: signed, from: self(), to: peer.id });
      const answer = await agent.request({
        origin: peer.url,
        path,
        method,
        headers: { ...signed, [SIGNATURE_HEADER]: header },
        ...(body !== undefined && { body }),
        signal: controller.signal,
      });
      const { statusCode: status, headers: received } = answer;
      // Who listens there may be anybody: another program, or what a proxy put in between says.
      if (!isAnswerSigned(key, peer.id, nonce, status, received)) {
        answer.body.on('error', () => {}).destroy();
        const detail = `what answers as ${peer.id} has HTTP status ${status}, and not the signature of the cluster's key`;
        throw new SwitchboardError('SWB_NODE_LOST', { detail });
      }
      answer.body.once('close', end);
      if (status === 421 || status === ANOTHER_STATUS) {
        answer.body.on('error', () => {}).destroy();
        if (status === 421) throw new SwitchboardError('SWB_NOT_OWNER', { detail: peer.id });
        const detail = `${peer.id}: another node is at its peer URL now`;
        throw new SwitchboardError('SWB_NODE_UNREACHABLE', { detail, data: { retryAfterMs: 1000 } });
      }
      return { status, headers: received, body: answer.body };
    } catch (thrown) {
      end();
      throw lossOf(thrown, peer);
    }
  }

  /** The node is gone: what is under way there fails now, and not when the network notices. */
  giveUp(id: string): void {
    const error = new SwitchboardError('SWB_NODE_LOST', { detail: `${id} is not there any more` });
    for (const all of [this.#open, this.#staying]) for (const controller of all.get(id) ?? []) controller.abort(error);
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    for (const id of [...this.#open.keys(), ...this.#staying.keys()]) this.giveUp(id);
    await this.#agent?.destroy();
  }

  async #connections(): Promise<Agent> {
    if (this.#agent !== undefined) return this.#agent;
    const { Agent: UndiciAgent } = await import('undici');
    if (this.#isClosed) throw new SwitchboardError('SWB_SHUTTING_DOWN');
    const { ca } = this.#options;
    this.#agent ??= new UndiciAgent({
      pipelining: 1,
      connect: { timeout: CONNECT_MS, ...(ca !== undefined && { ca }) },
      keepAliveTimeout: KEEP_MS,
      keepAliveMaxTimeout: KEEP_MS,
      // A call takes as long as it takes. That a node is gone is known by its lease.
      headersTimeout: 0,
      bodyTimeout: 0,
    });
    return this.#agent;
  }
}

/** What a failure of the connection means for who waits. */
export function lossOf(thrown: unknown, { id }: Pick<Peer, 'id'>): SwitchboardError {
  if (thrown instanceof SwitchboardError) return thrown;
  const { code = '', message } = thrown as NodeJS.ErrnoException;
  if (NOT_CONNECTED.test(code)) {
    const detail = `${id} (${code})`;
    return new SwitchboardError('SWB_NODE_UNREACHABLE', { detail, data: { retryAfterMs: 1000 }, cause: thrown });
  }
  return new SwitchboardError('SWB_NODE_LOST', { detail: `${id} (${code || message})`, cause: thrown });
}
