/**
 * Requests that wait because their server reads slowly. They are sent client by client, so that one who sends much waits for itself. When
 * there is no room, whoever has most waiting loses its newest request: a client that sends little is never refused for another's.
 */
import { lengthOf } from '../protocol/jsonrpc.ts';
import type { RpcRequest } from '../protocol/jsonrpc.ts';

interface Waiting {
  readonly request: RpcRequest;
  readonly bytes: number;
}

export class SendQueue {
  readonly #maxBytes: number;
  /** Who waits, in the order in which their next turn comes; each with its requests in order. */
  readonly #lanes: Map<string, { entries: Waiting[]; bytes: number }> = new Map();
  #bytes = 0;
  #size = 0;

  /** @param maxBytes how much may wait; a request that waits alone always may. */
  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  get isEmpty(): boolean {
    return this.#size === 0;
  }

  /** @returns the requests for which there is no room any more; the new one may be among them. */
  add(who: string, request: RpcRequest): RpcRequest[] {
    const bytes = lengthOf(request);
    const lane = this.#lanes.get(who) ?? { entries: [], bytes: 0 };
    this.#lanes.set(who, lane);
    lane.entries.push({ request, bytes });
    this.#count(lane, bytes, 1);
    const refused: RpcRequest[] = [];
    while (this.#bytes > this.#maxBytes && this.#size > 1) refused.push(this.#dropNewest());
    return refused;
  }

  /** The next request to send. */
  shift(): RpcRequest | undefined {
    const [first] = this.#lanes;
    if (first === undefined) return undefined;
    const [who, lane] = first;
    const { request, bytes } = lane.entries.shift()!;
    this.#count(lane, -bytes, -1);
    // Back to the end: everybody else comes first now.
    this.#lanes.delete(who);
    if (lane.entries.length > 0) this.#lanes.set(who, lane);
    return request;
  }

  /** @returns whether a request with this id waited. */
  remove(id: number): boolean {
    for (const [who, lane] of this.#lanes) {
      const at = lane.entries.findIndex(({ request }) => request.id === id);
      if (at === -1) continue;
      const [removed] = lane.entries.splice(at, 1);
      this.#count(lane, -removed!.bytes, -1);
      if (lane.entries.length === 0) this.#lanes.delete(who);
      return true;
    }
    return false;
  }

  clear(): void {
    this.#lanes.clear();
    this.#bytes = 0;
    this.#size = 0;
  }

  #dropNewest(): RpcRequest {
    const [who, lane] = [...this.#lanes].reduce((most, each) => (each[1].bytes > most[1].bytes ? each : most));
    const { request, bytes } = lane.entries.pop()!;
    this.#count(lane, -bytes, -1);
    if (lane.entries.length === 0) this.#lanes.delete(who);
    return request;
  }

  #count(lane: { bytes: number }, bytes: number, requests: number): void {
    lane.bytes += bytes;
    this.#bytes += bytes;
    this.#size += requests;
  }
}
