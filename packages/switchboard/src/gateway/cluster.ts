/** This gateway as a node of a cluster: where the others reach it, who they are, and what is passed on to them. */
import { createHash, randomBytes } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import type { Readable } from 'node:stream';

import { originOf } from '../callers/account.ts';
import type { HttpVisit } from '../callers/http-visit.ts';
import type { Registry } from '../callers/registry.ts';
import type { Emit } from '../observe/events.ts';
import { joinedMetrics } from '../observe/joined-metrics.ts';
import { ClusterKeyFile, clusterKeyOf } from '../peers/cluster-key-file.ts';
import type { ClusterKey } from '../peers/cluster-key.ts';
import { forwardExchange, idIn } from '../peers/forward.ts';
import { Heirs } from '../peers/heirs.ts';
import { Homes } from '../peers/homes.ts';
import { Nodes, leaseOf } from '../peers/nodes.ts';
import type { Node } from '../peers/nodes.ts';
import { MEMBERS_PATH } from '../peers/member-channel.ts';
import { CALLER_HEADER, decodeCaller } from '../peers/peer-caller.ts';
import type { PeerCaller } from '../peers/peer-caller.ts';
import { PeerLink } from '../peers/peer-link.ts';
import { ALIVE_PATH, PeerListener, UNREACHED_PATH } from '../peers/peer-listener.ts';
import { sealedStore } from '../peers/sealed-store.ts';
import { mustBeShared } from '../peers/sole-use.ts';
import { SwitchboardError, asSwitchboardError } from '../protocol/errors.ts';
import { isObject } from '../protocol/jsonrpc.ts';
import type { SealKeys } from '../router/catalogue/seal.ts';
import type { ConcurrencyLimiter } from '../router/concurrency-limiter.ts';
import type { Handles } from '../router/parked.ts';
import type { SharedStore, StoreNotice } from '../stores/store.ts';
import { readBody } from '../transports/http/body.ts';
import { sendError } from '../transports/http/reply.ts';
import type { PassOn } from '../transports/http/server.ts';
import { Certificates } from '../transports/tls/certificates.ts';
import { readClientTls } from '../transports/tls/client-tls.ts';
import type { AdminCluster } from './admin/spread.ts';
import { bracketed } from './addresses.ts';
import { OPERATORS_PATH, OperatorsNode } from './operators-node.ts';
import { readListenAddress } from './option-types.ts';
import { PROGRAM_PATH, ProgramPeers } from './program-peers.ts';
import type { Program } from './program.ts';
import { ClusterConversations } from './cluster-conversations.ts';
import { ClusterMembers } from './cluster-members.ts';
import { readAnswer } from './node-answer.ts';
import { PRODUCT } from './product.ts';
import type { Settings } from './settings.ts';
import { describeUpstreams } from './upstream-digest.ts';
import type { UpstreamOptions } from './upstream-options.ts';

/** Hands a connection to the node with a name, which shares the port. @returns whether it does. */
export type PassToNode = (node: string, socket: Socket) => boolean;

export interface ClusterOptions {
  settings: Settings;
  store: SharedStore;
  /** The upstreams as they are configured now. */
  upstreams(): Readonly<Record<string, UpstreamOptions>>;
  /** Serves what came in at another node and is for this one. */
  serve(request: IncomingMessage, response: ServerResponse, caller: PeerCaller): Promise<void>;
  /** Answers what another node asks in an operator's name, of this node alone; `path` is as for the admin API. */
  serveAdmin(path: string, request: IncomingMessage, response: ServerResponse): Promise<void>;
  /** Answers what an operator asked at another process of this machine, where it was checked who asks. */
  serveOperator(path: string, request: IncomingMessage, response: ServerResponse, caller: PeerCaller): Promise<void>;
  /** A program around the gateway. */
  program: Program | undefined;
  /** The metrics of this node. */
  metrics(): Promise<string>;
  /** Who is connected here. */
  registry(): Registry;
  /** Ends a session of a principal, so that it can have one at another node. Resolves with whether there was one. */
  giveUpPlace(principal: string): Promise<boolean>;
  /** How many requests of an upstream may run at a time. */
  limiter(): ConcurrencyLimiter;
  onNotice(notice: StoreNotice): void;
  emit: Emit;
}

/** Below it nodes speak to each other; all else is what clients asked for. */
const BASE = '/peer';
const ADMIN = `${BASE}/admin`;
const GONE = `${BASE}/gone`;
const LEAVE = `${BASE}/leave`;
const METRICS = `${BASE}/metrics`;
const ROOM = `${BASE}/room`;
/** The longest that the name of a conversation or a principal can be, and more. */
const MAX_NAME_BYTES = 1024;
/** Streams of sessions that are forwarded keep a connection each, and so do calls to servers at another node. */
const CONNECTIONS_PER_CLIENT = 8;
const SPARE_CONNECTIONS = 64;
/** So many other nodes may each have all the connections that one of them may, so that none shuts out another. */
const NODES = 16;
/** How long another node may take for an operator. */
const ASK_MS = 5000;
/** How long another node may take to say that it is there, where it is looked for what is wrong. */
const ALIVE_MS = 2000;
/** How many nodes are asked for one session, each of which may have left it to the next. */
const MAX_ATTEMPTS = 3;
/** A session's secret: the node that made it and 128 random bits, and a code over both. */
const SECRET = /^(([\w-]{12})\.[\w-]{22})\.([\w-]{11})$/;
/** The handle of a parked call: the cluster, and the node that has the call. */
const HANDLE = /^swb\.([\w-]{8})\.([\w-]{12})\./;

export class Cluster {
  /** Those that are there. */
  readonly nodes: Nodes;
  /** Which one answers operators, where several processes share a port. */
  readonly operators: OperatorsNode | undefined;
  /** What they have together. */
  readonly members: ClusterMembers;
  /** Conversations over WebSocket that are to be resumed, and may be at another node. */
  readonly conversations: ClusterConversations;
  /** For the program around the gateway. */
  readonly peers: ProgramPeers | undefined;
  /** The store; of one that other machines reach, only counts what a node of this cluster has put there. */
  readonly store: SharedStore;
  /** The same for the program around the gateway, which seals its logs itself. */
  readonly programStore: SharedStore;
  readonly #options: ClusterOptions;
  readonly #key: ClusterKey;
  readonly #listener: PeerListener;
  readonly #link: PeerLink;
  readonly #heirs: Heirs;
  readonly #homes: Homes;
  readonly #startedAt = Date.now();
  #url = '';
  /** Equal on nodes whose upstreams are configured alike. */
  #digest = '';
  /** Whether the others know that this node ends: then it keeps only what runs on it. */
  #isLeaving = false;

  /** @throws {SwitchboardError} `SWB_CONFIG_INVALID`, `SWB_TLS_INVALID` */
  constructor(options: ClusterOptions) {
    const { settings, registry, onNotice, emit } = options;
    const {
      clusterKey,
      clusterKeyFile,
      peerListen,
      peerTlsCert: tlsCert,
      peerTlsKey: tlsKey,
      peerTlsCa: ca,
    } = settings;
    this.#options = options;
    if (options.store.reach === 'process') {
      throw invalid('it needs a store that all nodes reach, such as --store redis://host:6379');
    }
    if ((clusterKey === '') === (clusterKeyFile === '')) {
      throw invalid(
        'it needs the key of the cluster: give one of clusterKeyFile and clusterKey (SWITCHBOARD_CLUSTER_KEY)',
      );
    }
    const key = clusterKeyOf(settings, (error) => emit({ type: 'failed', where: 'cluster key', error }))!;
    this.#key = key;
    const { store, forProgram } = sealedStore(options.store, key, onNotice);
    this.store = store;
    this.programStore = forProgram;
    const { maxConnections, maxConcurrent } = settings;
    const most = maxConnections * CONNECTIONS_PER_CLIENT + maxConcurrent + SPARE_CONNECTIONS;
    this.#link = new PeerLink({
      key,
      self: () => this.nodes.id,
      maxRequests: most,
      ...(ca !== '' && { ca: readClientTls({ ca }).ca?.toString() }),
    });
    this.#listener = new PeerListener({
      key,
      self: () => this.nodes.id,
      ...readListenAddress(peerListen)!,
      ...(tlsCert !== '' && {
        certificates: new Certificates({ tlsCert, tlsKey, tlsCa: '', tlsClientCa: '', tlsClientCrl: '' }),
      }),
      maxConnections: most * NODES,
      serve: (request, response) => this.#serve(request, response),
      emit,
    });
    this.nodes = new Nodes({
      store,
      describe: () => ({
        name: settings.nodeName || new URL(this.#url).host,
        url: this.#url,
        version: PRODUCT.version,
        digest: (this.#digest = key.sign(['upstreams', describeUpstreams(options.upstreams())]).slice(0, 16)),
        startedAt: this.#startedAt,
      }),
      checkReachable: (signal) => this.#checkReachable(signal),
      isGoneFor: (node) => this.#does(node, GONE, this.nodes.id).catch(() => false),
      onLost: ({ id }) => {
        this.#link.giveUp(id);
        this.members.forget(id);
        this.peers?.forget(id);
      },
      onFenced: () => {
        const reason = 'this node could not be reached for a while, and the others took it for gone';
        registry().giveUp(reason);
        this.members.giveUp();
        this.#homes.giveUp();
        this.peers?.giveUp(reason);
      },
      onBack: () => {
        this.members.renew();
        this.#homes.renew();
        this.peers?.renew();
      },
      onNotice,
      emit,
    });
    const { limiter } = options;
    this.members = new ClusterMembers({
      settings,
      store,
      nodes: this.nodes,
      link: this.#link,
      limiter,
      onNotice,
      emit,
    });
    const { program } = options;
    if (program !== undefined) {
      this.peers = new ProgramPeers({ nodes: this.nodes, link: this.#link, store, program, onNotice });
    }
    if (store.reach === 'machine') {
      const { maxMessageSize: maxMessageBytes } = settings;
      this.operators = new OperatorsNode({ nodes: this.nodes, link: this.#link, maxMessageBytes });
    }
    this.#homes = new Homes({ store, nodes: this.nodes, idleMs: settings.idleTimeout, onNotice });
    this.#heirs = new Heirs({
      store,
      nodes: this.nodes,
      has: (secret) => registry().has(secret) || registry().keeps(secret),
      onNotice,
    });
    this.conversations = new ClusterConversations({
      nodes: this.nodes,
      heirs: this.#heirs,
      store,
      registry,
      newId: () => this.newSecret(),
      openerOf: (id) => (this.isOurs(id) ? this.#openerOf(id) : undefined),
      ask: (node, id) => this.#does(node, LEAVE, id),
      isGone: (error, node) => this.#isGone(error, node),
    });
  }

  /**
   * Opens the port for the other nodes, and joins them.
   *
   * @throws {SwitchboardError} `SWB_PORT_IN_USE`, `SWB_TLS_INVALID`, `SWB_CONFIG_INVALID`, `SWB_STORE_UNAVAILABLE`, `SWB_STORE_IN_USE`
   */
  async join(): Promise<void> {
    const { peerUrl, peerTlsCert } = this.#options.settings;
    const { address, port } = await this.#listener.listen();
    if (peerUrl === '' && /^(0\.0\.0\.0|::)$/.test(address)) {
      await this.#listener.close();
      throw invalid(
        `${address} is every address of this machine; say with peerUrl at which one the other nodes reach it`,
      );
    }
    this.#url = peerUrl || `http${peerTlsCert === '' ? '' : 's'}://${bracketed(address)}:${port}`;
    await this.nodes.join();
    // A process that comes now for itself sees this node.
    if (this.store.reach === 'cluster') await mustBeShared(this.store);
  }

  /** Tells the others that nothing new should come here, and leaves them what they have a part in. */
  async drain(): Promise<void> {
    await this.nodes.drain();
    this.#isLeaving = true;
    await Promise.all([this.members.leave(), this.#homes.leave()]);
  }

  async close(): Promise<void> {
    this.#heirs.close();
    this.#homes.close();
    this.members.close();
    this.peers?.close();
    await this.nodes.close();
    await this.#link.close();
    await this.#listener.close();
    if (this.#key instanceof ClusterKeyFile) this.#key.close();
  }

  /**
   * For a new session: whoever sees it knows the node that made it.
   *
   * @throws {SwitchboardError} `SWB_STORE_UNAVAILABLE` while this node is {@link Nodes.isCut}.
   */
  newSecret(): string {
    if (this.nodes.isCut) {
      const detail = 'only this node cannot reach the store, and the others would not find the session';
      throw new SwitchboardError('SWB_STORE_UNAVAILABLE', { detail, data: { retryAfterMs: 1000 } });
    }
    const name = `${this.nodes.id}.${randomBytes(16).toString('base64url')}`;
    return `${name}.${this.#key.code('session', name)}`;
  }

  /** Whether a node of this cluster made this secret. What others make up is looked for nowhere; a store of this machine is not far. */
  isOurs(secret: string): boolean {
    if (this.store.reach === 'machine') return true;
    const [, name = '', , code = ''] = SECRET.exec(secret) ?? [];
    return this.#key.isCode('session', name, code);
  }

  /** The node that opened a session. One without a node in its name is of a process that had this machine's store for itself, and has ended. */
  #openerOf(secret: string): string | undefined {
    return SECRET.exec(secret)?.[2] ?? (this.#options.store.reach === 'machine' ? '' : undefined);
  }

  /** Has connections served by the node that opened the session which they name, where that is another one and is there. */
  bySession(passOn: PassToNode): PassOn {
    return (session, socket) => {
      const opener = this.#openerOf(session);
      if (opener === this.nodes.id || this.#options.registry().has(session)) return false;
      const node = this.nodes.all.find(({ id }) => id === opener);
      return node !== undefined && passOn(node.name, socket);
    };
  }

  /** What the admin API needs of the nodes. */
  get forOperators(): AdminCluster {
    return {
      nodes: () => this.nodes.all,
      self: () => ({
        id: this.nodes.id,
        ...(this.nodes.lease !== undefined && { epoch: this.nodes.lease.epoch }),
        ...(this.nodes.leaseEndsInMs !== undefined && { leaseEndsInMs: this.nodes.leaseEndsInMs }),
        ...this.members.counts,
        storeLagMs: Math.round(this.#options.store.lagMs?.() ?? 0),
      }),
      ask: (node, method, path, body) => this.#ask(node, method, path, body),
      follow: (node, path, signal) => this.#follow(node, path, signal),
    };
  }

  /** The metrics of all nodes, each sample with the name of its node; those of a node that does not answer are left out. */
  async joinMetrics(own: string): Promise<string> {
    const all = await Promise.all(
      this.nodes.all.map(async (node) => {
        const answer = node.self ? own : await this.#request(node, METRICS, 'GET').catch(() => '');
        return { node: node.name, text: String(answer) };
      }),
    );
    return joinedMetrics(all);
  }

  /** What clients keep is good at every node. */
  get sealKeys(): SealKeys {
    return () => this.#key.derived('seal');
  }

  /** For what the store has encrypted. */
  get secretKeys(): SealKeys {
    return () => this.#key.derived('secrets');
  }

  /** For digests of what callers bring, so that they are the same at every node. */
  get credentialSalt(): Buffer {
    return this.#key.derived('credentials')[0]!;
  }

  /**
   * Has another node end a session of a principal, so that there is room for one here. Never rejects.
   *
   * @param lease of that node.
   */
  async makeRoom(lease: string, principal: string): Promise<boolean> {
    const node = this.nodes.all.find(({ id, self }) => !self && lease === leaseOf(id));
    return node !== undefined && this.#does(node, ROOM, principal).catch(() => false);
  }

  /** Has another node do something of the kind that it either does or cannot do. */
  async #does(node: Node, path: string, body: string): Promise<boolean> {
    const signal = AbortSignal.timeout(ASK_MS);
    const answer = await this.#link.send(node, { method: 'POST', path, headers: {}, body, signal });
    answer.body.on('error', () => {}).resume();
    return answer.status === 204;
  }

  /** How handles of parked calls begin here. */
  get handles(): Handles {
    return {
      prefix: () => `swb.${this.#key.labels('handle')[0]!}.${this.nodes.id}.`,
      isOurs: (handle) => this.#labelled(handle) !== undefined,
    };
  }

  /** The node that gave a handle; nothing where it is of another server. */
  #labelled(handle: string): string | undefined {
    const [, label = '', node] = HANDLE.exec(handle) ?? [];
    return this.#key.labels('handle').includes(label) ? node : undefined;
  }

  /**
   * Passes a request on to the node that has its session or its parked call, where that is another; when this node ends, to any other.
   *
   * @param body of the request, where it has one.
   * @returns whether it was; if not, nothing was done with it. Its failures are answered here.
   * @throws {SwitchboardError} `SWB_NOT_OWNER` when it was passed on already, and to the wrong node.
   */
  async forward(visit: HttpVisit, body: Buffer | undefined): Promise<boolean> {
    const secret = String(visit.request.headers['mcp-session-id'] ?? '');
    const owner = secret === '' ? this.#labelled(stateIn(body)) : this.#openerOf(secret);
    const mayLeave = this.#isLeaving && visit.isForwarded !== true;
    if (owner === undefined && !mayLeave) return false;
    await this.nodes.settled();
    if (this.#options.registry().has(secret)) return false;
    // One of an earlier key of the cluster is still found at its node, without the store.
    if (owner !== undefined && secret !== '' && !this.isOurs(secret) && !this.nodes.serves(owner)) return false;
    const find = (refused?: string): Promise<Node | undefined> =>
      owner === undefined ? Promise.resolve(undefined) : this.#find(secret, owner, refused);
    const isParkedHere = secret === '' && owner === this.nodes.id;
    const node = (await find()) ?? (mayLeave && !isParkedHere ? this.#another() : undefined);
    if (node === undefined && visit.isForwarded === true && secret !== '' && this.nodes.isDraining) {
      // Who passed it on looks next for what it is rebuilt from.
      await this.#options.store.flush().catch(() => {});
      throw new SwitchboardError('SWB_NOT_OWNER', {
        detail: 'this node ends, and has left its sessions to the others',
      });
    }
    if (node === undefined) return false;
    if (visit.isForwarded === true)
      throw new SwitchboardError('SWB_NOT_OWNER', { detail: `it is of the node ${owner}` });
    return this.#passOn(visit, body, node, find);
  }

  /**
   * Passes a modern request on to the home of its client, where that is another node.
   *
   * @param body of the request.
   * @param client a name of the client.
   * @returns as {@link forward}, @throws as it.
   */
  async forwardHome(visit: HttpVisit, body: Buffer, client: string): Promise<boolean> {
    // The call that it comes back to runs here.
    if (this.#labelled(stateIn(body)) !== undefined) return false;
    if (!this.nodes.isSettled) await this.nodes.settled();
    const name = digestOf(JSON.stringify([this.#digest, client]));
    const find = (refused?: string): Promise<Node | undefined> => this.#homes.find(name, refused);
    const node = await find();
    if (visit.isForwarded === true && (node !== undefined || this.#isLeaving))
      throw new SwitchboardError('SWB_NOT_OWNER', { detail: 'its client has another home' });
    if (node !== undefined && (await this.#passOn(visit, body, node, find))) return true;
    this.#homes.serve(name, visit.response);
    return false;
  }

  /** @param find where it is, when a node that was asked did not have it. @returns as {@link forward}. */
  async #passOn(
    { request, response, identity, address, upstream }: HttpVisit,
    body: Buffer | undefined,
    first: Node,
    find: (refused: string) => Promise<Node | undefined>,
  ): Promise<boolean> {
    const { callerHeaders } = upstream;
    const facts = { upstream: upstream.name, principal: identity.principal };
    const begun = performance.now();
    let node = first;
    for (let attempt = 1; ; attempt++) {
      try {
        const account = originOf({ identity, id: '', address });
        const exchange = { request, response, body, caller: { identity, address }, account, callerHeaders };
        await forwardExchange(exchange, node, this.#link);
        break;
      } catch (thrown) {
        let error = asSwitchboardError(thrown);
        if (await this.#isGone(error, node)) {
          // Another one may have what it had, or this one may go on with it.
          const next = await find(node.id);
          if (next === undefined) return false;
          const isNew = next.id !== node.id && attempt < MAX_ATTEMPTS;
          node = next;
          if (isNew) continue;
          error = new SwitchboardError('SWB_NODE_UNREACHABLE', { detail: node.name, data: { retryAfterMs: 1000 } });
        }
        this.#options.emit({ type: 'request.refused', code: error.code, ...facts, transport: 'http' });
        sendError(response, error, idIn(body));
        break;
      }
    }
    const ms = Math.round(performance.now() - begun);
    this.#options.emit({ type: 'request.forwarded', ...facts, node: node.name, ms });
    return true;
  }

  /**
   * Asks another node in an operator's name.
   *
   * @param path as for the admin API, such as `/sessions`.
   * @throws {SwitchboardError} what it answers, or why it does not.
   */
  #ask(node: Node, method: string, path: string, body?: unknown): Promise<unknown> {
    return this.#request(node, `${ADMIN}${path}`, method, body);
  }

  async #follow(node: Node, path: string, signal: AbortSignal): Promise<Readable> {
    const asked = { method: 'GET', path: `${ADMIN}${path}`, headers: {}, signal, stays: true };
    const answer = await this.#link.send(node, asked);
    if (answer.status !== 200) await readAnswer(answer, node);
    return answer.body;
  }

  async #request(node: Node, path: string, method: string, body?: unknown): Promise<unknown> {
    const signal = AbortSignal.timeout(ASK_MS);
    const headers = { 'content-type': 'application/json' };
    const text = body === undefined ? undefined : JSON.stringify(body);
    const answer = await this.#link.send(node, { method, path, headers, body: text, signal });
    return readAnswer(answer, node);
  }

  /** Whether a node that did nothing with a request has left, or left its sessions, or another has its place. */
  async #isGone({ code }: SwitchboardError, { id }: Node): Promise<boolean> {
    if (code === 'SWB_NOT_OWNER') return true;
    return code === 'SWB_NODE_UNREACHABLE' && !(await this.nodes.isThere(id).catch(() => true));
  }

  /**
   * The other node that has a session or a parked call.
   *
   * @param refused the id of a node that did not have it any more.
   */
  async #find(secret: string, owner: string, refused?: string): Promise<Node | undefined> {
    if (owner === this.nodes.id && (secret === '' || !this.#isLeaving)) return undefined;
    const node = await this.nodes.other(owner);
    // A parked call ends with its node.
    if (secret === '') return owner === refused ? undefined : node;
    if (node?.state === 'serving' && refused === undefined) return node;
    return this.#heirs.find(digestOf(secret), secret, owner, refused);
  }

  /** Any other node that takes what comes. */
  #another(): Node | undefined {
    const others = this.nodes.all.filter(({ self, state }) => !self && state === 'serving');
    return others[Math.floor(Math.random() * others.length)];
  }

  /** The other nodes that this one cannot reach, and why. */
  async #unreached(): Promise<{ node: string; why: string }[]> {
    const all = await Promise.all(
      this.nodes.all.map(async (node) => {
        if (node.self) return [];
        try {
          const signal = AbortSignal.timeout(ALIVE_MS);
          const { body } = await this.#link.send(node, { method: 'GET', path: ALIVE_PATH, headers: {}, signal });
          body.on('error', () => {}).resume();
          return [];
        } catch (error) {
          return [{ node: node.name, why: asSwitchboardError(error).message }];
        }
      }),
    );
    return all.flat();
  }

  async #checkReachable(signal: AbortSignal): Promise<void> {
    const self = { id: this.nodes.id, url: this.#url };
    const { status, body } = await this.#link.send(self, { method: 'GET', path: ALIVE_PATH, headers: {}, signal });
    body.on('error', () => {}).resume();
    if (status !== 204) throw new Error(`HTTP status ${status}`);
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { serve, serveAdmin, serveOperator, metrics } = this.#options;
    const path = (request.url ?? '').split(/[?#]/, 1)[0]!;
    if (path === ALIVE_PATH) response.writeHead(204).end();
    else if (path === UNREACHED_PATH) {
      const unreached = await this.#unreached();
      response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(unreached));
    } else if (path === GONE) {
      const isGone = await this.nodes.isGone(await readBody(request, MAX_NAME_BYTES));
      response.writeHead(isGone ? 204 : 404).end();
    } else if (path === LEAVE) {
      const isLeft = await this.conversations.leave(await readBody(request, MAX_NAME_BYTES));
      response.writeHead(isLeft ? 204 : 404).end();
    } else if (path === METRICS) {
      const text = await metrics();
      response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(text));
    } else if (path.startsWith(`${OPERATORS_PATH}/`)) {
      const caller = decodeCaller(request.headers[CALLER_HEADER]);
      await serveOperator(path.slice(OPERATORS_PATH.length), request, response, caller);
    } else if (path === MEMBERS_PATH || path.startsWith(`${MEMBERS_PATH}/`)) {
      await this.members.serve(path, request, response);
    } else if (this.peers !== undefined && (path === PROGRAM_PATH || path.startsWith(`${PROGRAM_PATH}/`))) {
      await this.peers.serve(path, request, response);
    } else if (path === ROOM) {
      const isMade = await this.#options.giveUpPlace(await readBody(request, MAX_NAME_BYTES));
      response.writeHead(isMade ? 204 : 404).end();
    } else if (path.startsWith(`${ADMIN}/`)) await serveAdmin(path.slice(BASE.length), request, response);
    else await serve(request, response, decodeCaller(request.headers[CALLER_HEADER]));
  }
}

/** What the store knows a session by. */
const digestOf = (secret: string): string => createHash('sha256').update(secret).digest('base64url');

/** What a modern request comes back with, as text. Only few bodies are read twice for it. */
function stateIn(body: Buffer | undefined): string {
  if (body === undefined || !body.includes('"requestState"')) return '';
  try {
    const message: unknown = JSON.parse(body.toString('utf8'));
    const params = isObject(message) ? message['params'] : undefined;
    const state = isObject(params) ? params['requestState'] : undefined;
    return typeof state === 'string' ? state : '';
  } catch {
    return '';
  }
}

const invalid = (what: string): SwitchboardError =>
  new SwitchboardError('SWB_CONFIG_INVALID', { detail: `peerListen: ${what}` });
