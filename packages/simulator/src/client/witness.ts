/** One client's judgement of what arrives: whose it is, and whether it may come now. What it finds goes into the ledger. */
import { ownersIn } from '../correlation.ts';
import type { Owner } from '../correlation.ts';
import { nameOf } from '../integrity.ts';
import type { Ledger } from '../integrity.ts';
import { SUBSCRIPTION } from './era.ts';
import type { Message } from './message.ts';

/** What must be known of a call to judge its messages. */
export interface Expected {
  /** Its id on the wire, and its progress token. */
  id: number;
  /** Its number in its correlation id: where a call takes several requests, the id of the first. */
  call: number;
  /** For people: `tools/call echo`. */
  name: string;
  correlationId: string;
  /** Whether the request carried the correlation id. */
  correlated: boolean;
  /** Whether it asked for progress notes. */
  progress: boolean;
  lastProgress: number;
}

interface Memory {
  call: number;
  /** Nobody waits for the answer any more; or a wrong one came in its place, and the right one may still come. */
  state: 'late' | 'wrong';
}

const REMEMBERED = 1000;

export class Witness {
  readonly #number: number;
  readonly #prefix: string;
  readonly #ledger: Ledger;
  readonly #memory = new Map<number, Memory>();
  readonly #watched = new Set<string>();

  constructor(number: number, prefix: string, ledger: Ledger) {
    this.#number = number;
    this.#prefix = prefix;
    this.#ledger = ledger;
  }

  /** An answer under the id of an open call. @returns whether it may be that call's */
  accepts(call: Expected, text: string, isError: boolean): boolean {
    const found = call.correlated && text.includes(call.correlationId);
    const [owner] = found || !call.correlated ? [] : ownersIn(text, this.#prefix);
    if (owner === undefined) {
      if (!isError) this.#ledger.right(call.correlated, found);
      return true;
    }
    this.#remember(call, 'wrong');
    this.#ledger.crossed(`${this.#nameOf(call)} got the answer of ${nameOf(owner)}`, owner);
    return false;
  }

  /** An answer that no open call waits for. @param last the last id that this client has used */
  stray(id: unknown, text: string, last: number): void {
    const [owner] = ownersIn(text, this.#prefix);
    if (owner !== undefined && owner.client !== this.#number) {
      return this.#ledger.crossed(`client ${this.#number} got the answer of ${nameOf(owner)}`, owner);
    }
    const memory = this.#memory.get(id as number);
    if (memory !== undefined) {
      this.#memory.delete(id as number);
      if (memory.state === 'late') this.#ledger.late({ client: this.#number, call: memory.call });
      else this.#ledger.right(true, true);
    } else if (typeof id === 'number' && id <= last) {
      this.#ledger.doubled(`client ${this.#number} got the answer to id ${id} again`);
    } else {
      this.#ledger.crossed(
        `client ${this.#number} got an answer with the id ${JSON.stringify(id)}, which it has not used`,
      );
    }
  }

  /** A notification. @param call the open call with its progress token, if there is one */
  note({ method = '', params = {} }: Message, text: string, call: Expected | undefined, last: number): void {
    if (this.foreign(text, method)) return;
    if (method === 'notifications/progress') this.#progress(params.progressToken, Number(params.progress), call, last);
    else if (method === 'notifications/resources/updated') {
      const uri = String(params.uri);
      const listen = params._meta?.[SUBSCRIPTION];
      if (!this.#watched.has(uri) || (listen !== undefined && !(Number(listen) <= last))) {
        this.#ledger.crossed(`client ${this.#number} was told that ${uri} changed, to which it is not subscribed`);
      }
    }
  }

  /** @returns whether what the server says of its own accord belongs to another client */
  foreign(text: string, method: string): boolean {
    const owners = ownersIn(text, this.#prefix);
    const [owner] = owners;
    if (owner === undefined || owners.some(({ client }) => client === this.#number)) return false;
    this.#ledger.crossed(`client ${this.#number} got ${method} of ${nameOf(owner)}`);
    return true;
  }

  /** The call of this client that a message of the server names, if it names one. */
  named(text: string): number | undefined {
    return ownersIn(text, this.#prefix).find(({ client }) => client === this.#number)?.call;
  }

  /** From now on news of this resource are right, also for a while after it is no longer watched. */
  watches(uri: string): void {
    this.#watched.add(uri);
  }

  /** Nobody waits for this call any more; an answer to it is late, not doubled. */
  forget(call: Expected): void {
    this.#remember(call, 'late');
  }

  lost(call: Expected): void {
    this.#remember(call, 'late');
    this.#ledger.lost({ client: this.#number, call: call.call }, `${this.#nameOf(call)} was not answered`);
  }

  #progress(token: unknown, progress: number, call: Expected | undefined, last: number): void {
    if (call?.progress === true) {
      if (progress > call.lastProgress) call.lastProgress = progress;
      else if (progress === call.lastProgress)
        this.#ledger.doubled(`${this.#nameOf(call)} got progress ${progress} again`);
      else this.#ledger.disordered(`${this.#nameOf(call)} got progress ${progress} after ${call.lastProgress}`);
    } else if (typeof token === 'number' && token <= last && call === undefined) {
      if (this.#memory.has(token)) return;
      this.#ledger.disordered(`client ${this.#number} got progress of id ${token} after its answer`);
    } else {
      const shown = JSON.stringify(token);
      this.#ledger.crossed(`client ${this.#number} got progress with the token ${shown}, which it has not given`);
    }
  }

  #remember({ id, call }: Expected, state: Memory['state']): void {
    this.#memory.set(id, { call, state });
    if (this.#memory.size <= REMEMBERED) return;
    const [oldest] = this.#memory.keys();
    this.#memory.delete(oldest!);
  }

  #nameOf({ call, name }: Expected): string {
    const owner: Owner = { client: this.#number, call };
    return `${nameOf(owner)} (${name})`;
  }
}
