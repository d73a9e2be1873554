/** Conversations over WebSocket that move between the nodes of a cluster: who resumes at another node has the one that was left there. */
import { recordNameOf } from '../callers/connection.ts';
import type { Registry } from '../callers/registry.ts';
import type { Heirs } from '../peers/heirs.ts';
import type { Node, Nodes } from '../peers/nodes.ts';
import { SwitchboardError, asSwitchboardError } from '../protocol/errors.ts';
import type { Lease, SharedStore } from '../stores/store.ts';
import type { ConversationsElsewhere } from '../transports/websocket/conversations-elsewhere.ts';

export interface ClusterConversationsOptions {
  nodes: Nodes;
  heirs: Heirs;
  store: SharedStore;
  registry(): Registry;
  /** For a new conversation. @throws {SwitchboardError} while none may begin here. */
  newId(): string;
  /** The node that opened a conversation; nothing where no node of this cluster did. */
  openerOf(id: string): string | undefined;
  /** Asks another node to leave a conversation. Resolves with whether it did. */
  ask(node: Node, id: string): Promise<boolean>;
  /** Whether a node that did not do what it was asked is gone. */
  isGone(error: SwitchboardError, node: Node): Promise<boolean>;
}

export class ClusterConversations implements ConversationsElsewhere {
  readonly #options: ClusterConversationsOptions;
  /** Those that are on their way here. */
  readonly #arriving: Map<string, Promise<unknown>> = new Map();

  constructor(options: ClusterConversationsOptions) {
    this.#options = options;
  }

  newId(): string {
    return this.#options.newId();
  }

  lease(): Lease | undefined {
    return this.#options.nodes.lease;
  }

  isCertain(): boolean {
    return this.#options.nodes.isCertain;
  }

  takeOver<T>(id: string, goOn: () => Promise<T>): Promise<T | undefined> {
    const arriving = this.#takeOver(id, goOn).finally(() => {
      if (this.#arriving.get(id) === arriving) this.#arriving.delete(id);
    });
    this.#arriving.set(id, arriving);
    return arriving;
  }

  /**
   * Leaves a conversation to the node that asks. One that is on its way here arrives first: two nodes that rebuild it at the same time would both
   * go on with it.
   *
   * @returns false where it is here and cannot go on elsewhere.
   */
  async leave(id: string): Promise<boolean> {
    const { registry, store } = this.#options;
    await this.#arriving.get(id)?.catch(() => {});
    const isLeft = registry().leave(id);
    if (isLeft) await store.flush();
    return isLeft;
  }

  async #takeOver<T>(id: string, goOn: () => Promise<T>): Promise<T | undefined> {
    return (await this.#claim(id)) ? goOn() : undefined;
  }

  async #claim(id: string): Promise<boolean> {
    const { nodes, heirs, openerOf } = this.#options;
    const owner = openerOf(id);
    if (owner === undefined) return false;
    await nodes.settled();
    const name = recordNameOf({ keptAs: id })!;
    const node = await heirs.find(name, id, owner);
    if (node === undefined) return true;
    const hasLeft = await this.#hasLeft(node, id);
    if (hasLeft && (await heirs.find(name, id, owner, node.id)) === undefined) return true;
    // It may be on its way to a node that has noted it as its own, and does not have it yet.
    if (hasLeft || node.id !== owner)
      throw new SwitchboardError('SWB_NODE_UNREACHABLE', { detail: 'another node takes it over' });
    return false;
  }

  /** Whether a node has left a conversation, now or by its own end. */
  async #hasLeft(node: Node, id: string): Promise<boolean> {
    const { nodes, ask, isGone } = this.#options;
    try {
      return await ask(node, id);
    } catch (thrown) {
      const error = asSwitchboardError(thrown);
      if (await isGone(error, node)) return true;
      // It may have been taken for gone while it was asked.
      if (error.code === 'SWB_NODE_LOST' && (await nodes.other(node.id)) === undefined) return true;
      throw error;
    }
  }
}
