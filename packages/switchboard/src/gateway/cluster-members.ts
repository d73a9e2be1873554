/**
 * The members that the nodes of a cluster have together: each is at one of them, its owner, which lends it to the others. The first that needs
 * one owns it from then on, until it ends or nobody needs it any more.
 */
import { createHash } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { z } from 'zod';

import type { Emit } from '../observe/events.ts';
import { MEMBERS_PATH, SENDER_HEADER, openMember } from '../peers/member-channel.ts';
import type { Node, Nodes } from '../peers/nodes.ts';
import { Owners } from '../peers/owners.ts';
import type { PeerLink } from '../peers/peer-link.ts';
import { SwitchboardError, asSwitchboardError } from '../protocol/errors.ts';
import { asObject, parseMessage } from '../protocol/jsonrpc.ts';
import type { ConcurrencyLimiter } from '../router/concurrency-limiter.ts';
import type { SharedStore, StoreNotice } from '../stores/store.ts';
import { readBody } from '../transports/http/body.ts';
import type { Place, Placement, MemberElsewhere } from '../upstreams/placement.ts';
import { HostedSession } from './hosted-session.ts';
import type { Settings } from './settings.ts';
import { describeUpstreams } from './upstream-digest.ts';
import type { UpstreamOptions } from './upstream-options.ts';

export interface ClusterMembersOptions {
  settings: Settings;
  store: SharedStore;
  nodes: Nodes;
  link: PeerLink;
  limiter(): ConcurrencyLimiter;
  onNotice(notice: StoreNotice): void;
  emit: Emit;
}

/** How long one looks for the owner of a member: more than a node that is gone is taken for there. */
const PATIENCE_MS = 15_000;
const POLL_MS = 100;
/** What is over when the owner is known again, or another has taken its place. A member that was not lent has done nothing. */
const PASSING: ReadonlySet<string> = new Set(['SWB_NOT_OWNER', 'SWB_NODE_UNREACHABLE', 'SWB_NODE_LOST']);
const MAX_REQUEST_BYTES = 4096;
/** What nodes add to a message of a client. */
const ADDED_BYTES = 64 * 1024;

const wish = z.object({ name: z.string(), node: z.string() });

export class ClusterMembers {
  readonly #options: ClusterMembersOptions;
  readonly #owners: Owners<Place>;
  /** What other nodes have a part in, by the id of the session. */
  readonly #sessions: Map<string, HostedSession> = new Map();
  /** Requests of their clients that run here. */
  #running = 0;
  #onQuiet: (() => void) | undefined;
  #isLeaving = false;
  #closed = false;

  constructor(options: ClusterMembersOptions) {
    const { store, nodes, onNotice } = options;
    this.#options = options;
    this.#owners = new Owners({ store, nodes, onNotice });
  }

  /** How many places of members are this node's, and how many parts other nodes have in them. */
  get counts(): { owned: number; lent: number } {
    return { owned: this.#owners.size, lent: this.#sessions.size };
  }

  /** Where the members of an upstream are. Nodes that configure it otherwise have members of their own. */
  placementOf(upstream: string, configured: UpstreamOptions): Placement {
    const { nodes } = this.#options;
    const configuration = digestOf([upstream, describeUpstreams(configured)]);
    const nameOf = ({ slot, replica }: Place): string => digestOf([configuration, slot, replica]);
    return {
      find: (place) => this.#find(nameOf(place), place),
      settled: () => (nodes.lease === undefined || nodes.isSettled ? undefined : nodes.settled()),
      release: (place) => this.#release(nameOf(place), place),
    };
  }

  /** Serves what another node asks below {@link MEMBERS_PATH}. */
  async serve(path: string, request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { settings, nodes } = this.#options;
    if (path === MEMBERS_PATH) {
      const wanted = wish.safeParse(asObject(await readBody(request, MAX_REQUEST_BYTES)));
      if (!wanted.success) throw new SwitchboardError('SWB_BAD_REQUEST', { detail: 'it does not say which member' });
      await this.#lend(wanted.data.name, wanted.data.node, response);
      return;
    }
    const body = await readBody(request, settings.maxMessageSize + ADDED_BYTES);
    // One that hung may have lost what it is asked for.
    if (!nodes.isSettled) await nodes.settled();
    const session = this.#sessions.get(path.slice(MEMBERS_PATH.length + 1));
    if (session === undefined) throw notHere();
    session.receive(parseMessage(body), request.headers[SENDER_HEADER], response);
  }

  /** Gives all of them away: who needs one from now on starts it elsewhere. What runs here is finished. */
  async leave(): Promise<void> {
    this.#isLeaving = true;
    await this.#owners.leave();
    for (const session of this.#sessions.values()) session.leave('its node ends');
  }

  /** Resolves when no request of other nodes runs here, or when the time is over. */
  async drained(timeoutMs: number): Promise<void> {
    if (this.#running === 0) return;
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, timeoutMs);
      this.#onQuiet = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }

  /** Notes again which are here: the store may not know it any more. */
  renew(): void {
    this.#owners.refresh();
  }

  /** Other nodes may have taken their place: they end. */
  giveUp(): void {
    this.#owners.giveUp();
  }

  /** A node is gone: it needs nothing any more. */
  forget(node: string): void {
    for (const session of this.#sessions.values()) if (session.node === node) session.end();
  }

  close(): void {
    this.#closed = true;
    this.#owners.close();
  }

  #release(name: string, place: Place): void {
    void this.#owners.release(name, place);
    for (const session of this.#sessions.values()) if (session.place === place) session.leave('it is taken back');
  }

  async #find(name: string, place: Place): Promise<MemberElsewhere | undefined> {
    const { nodes, link, settings } = this.#options;
    // A gateway that does not listen is no node.
    if (nodes.lease === undefined) return undefined;
    const until = performance.now() + PATIENCE_MS;
    for (;;) {
      let node: Node | undefined;
      try {
        node = await this.#owners.find(name, place);
        if (node === undefined) return undefined;
        const maxMessageBytes = settings.maxUpstreamMessageSize;
        const channel = await openMember({ link, node, name, self: nodes.id, maxMessageBytes });
        return { era: channel.era, channel };
      } catch (thrown) {
        const error = asSwitchboardError(thrown);
        if (!PASSING.has(error.code)) throw error;
        if (this.#closed) throw new SwitchboardError('SWB_SHUTTING_DOWN');
        if (performance.now() > until) {
          const data = { retryAfterMs: 1000 };
          throw new SwitchboardError('SWB_NODE_UNREACHABLE', { detail: error.message, data, cause: error });
        }
        // One that ended without a word is not waited for until its lease ends.
        const isDoubted = node !== undefined && error.code === 'SWB_NODE_UNREACHABLE';
        if (isDoubted && !(await nodes.isThere(node!.id).catch(() => true))) continue;
      }
      await new Promise((resolve) => setTimeout(resolve, POLL_MS));
    }
  }

  async #lend(name: string, node: string, response: ServerResponse): Promise<void> {
    const { nodes, settings, limiter, emit } = this.#options;
    await nodes.settled();
    const place = this.#owners.get(name);
    if (place === undefined) {
      // It may be noted as this node's still, where the store could not be told.
      await this.#owners.release(name);
      throw notHere();
    }
    const loan = await place.lend();
    const isHere = loan.member.node === undefined && !loan.member.retiring && this.#owners.get(name) === place;
    if (!isHere || this.#isLeaving || response.destroyed) {
      loan.end();
      throw notHere();
    }
    const session = new HostedSession({
      node,
      place,
      loan,
      response,
      limiter: limiter(),
      maxQueueBytes: settings.maxQueueSize,
      timeoutMs: settings.requestTimeout,
      onCount: (change) => {
        this.#running += change;
        if (this.#running === 0) this.#onQuiet?.();
      },
      onEnd: ({ id }) => this.#sessions.delete(id),
      emit,
    });
    this.#sessions.set(session.id, session);
  }
}

/** No two lists of parts have the same. */
const digestOf = (parts: readonly unknown[]): string =>
  createHash('sha256').update(JSON.stringify(parts)).digest('base64url');

const notHere = (): SwitchboardError => new SwitchboardError('SWB_NOT_OWNER', { detail: 'the member is not here' });
