/**
 * Of the processes of one machine that share a port, one answers operators: what they see, and where they have signed in, must not depend on
 * which process takes a connection. The others have checked who asks before they pass it on.
 */
import type { IncomingHttpHeaders, IncomingMessage, ServerResponse } from 'node:http';

import { NOBODY } from '../auth/identity.ts';
import { forwardExchange } from '../peers/forward.ts';
import type { Nodes } from '../peers/nodes.ts';
import type { PeerLink } from '../peers/peer-link.ts';
import { SwitchboardError, asSwitchboardError } from '../protocol/errors.ts';
import { readBytes } from '../transports/http/body.ts';

export interface OperatorsNodeOptions {
  nodes: Nodes;
  link: PeerLink;
  /** The largest body that is passed on. */
  maxMessageBytes: number;
}

/** Below it, at the other node, is what operators ask. */
export const OPERATORS_PATH = '/peer/operators';

/** What belongs to one connection. */
const HOP = /^(connection|keep-alive|transfer-encoding|content-length|upgrade|expect|te|trailer|http2-settings|:.*)$/;

export class OperatorsNode {
  readonly #options: OperatorsNodeOptions;

  constructor(options: OperatorsNodeOptions) {
    this.#options = options;
  }

  /** @param addressOf whose request it is. @returns {@link pass} */
  passing(
    addressOf: (request: IncomingMessage) => string,
  ): (request: IncomingMessage, response: ServerResponse) => Promise<boolean> {
    return (request, response) => this.pass(request, response, addressOf(request));
  }

  /**
   * Has the other node answer a request, where it is another. What is asked is kept as it came, also its `Host` and its cookies.
   *
   * @param address whose request it is.
   * @returns whether it did; if not, this one is to answer.
   * @throws {SwitchboardError} `SWB_NODE_UNREACHABLE`, `SWB_NODE_LOST`
   */
  async pass(request: IncomingMessage, response: ServerResponse, address: string): Promise<boolean> {
    const { nodes, maxMessageBytes } = this.#options;
    // The one that has been there the longest.
    if (nodes.all.find(({ state }) => state === 'serving')?.self !== false) return false;
    const hasBody = request.method !== 'GET' && request.method !== 'HEAD';
    const body = hasBody ? await readBytes(request, maxMessageBytes) : undefined;
    await this.#passTo(request, response, body, address);
    return true;
  }

  async #passTo(
    request: IncomingMessage,
    response: ServerResponse,
    body: Buffer | undefined,
    address: string,
  ): Promise<void> {
    const { nodes, link } = this.#options;
    const node = nodes.all.find(({ state }) => state === 'serving');
    if (node === undefined) throw new SwitchboardError('SWB_NODE_UNREACHABLE', { detail: 'no node serves any more' });
    const exchange = {
      request,
      response,
      body,
      path: `${OPERATORS_PATH}${request.url ?? ''}`,
      caller: { identity: NOBODY, address },
      callerHeaders: namesIn(request.headers),
    };
    try {
      await forwardExchange(exchange, node, link);
    } catch (thrown) {
      const { code } = asSwitchboardError(thrown);
      const mayHaveEnded = code === 'SWB_NODE_UNREACHABLE' || code === 'SWB_NOT_OWNER';
      if (!mayHaveEnded || (await nodes.isThere(node.id))) throw thrown;
      // Another one answers from now on, which may be this one.
      await this.#passTo(request, response, body, address);
    }
  }
}

const namesIn = (headers: IncomingHttpHeaders): string[] => Object.keys(headers).filter((name) => !HOP.test(name));
