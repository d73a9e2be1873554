/**
 * The newest messages of the sessions that an operator looks at, by name and size: never what is in them. Nothing is noted of a session before
 * somebody asks for it, nor once nobody has asked for a while.
 */
import { isRequest, isResponse, lengthOf } from '../protocol/jsonrpc.ts';
import type { Message, RpcId } from '../protocol/jsonrpc.ts';
import { MAX_OWN_WORDS, cut } from '../util/cut.ts';

export interface SessionMessage {
  /** Counted from 1, of one session since somebody looks. */
  nr: number;
  /** In ms since 1970. */
  time: number;
  /** From the client, or to it. */
  direction: 'in' | 'out';
  kind: 'request' | 'notification' | 'result' | 'error';
  /** The method and the tool or prompt; of an answer those of its request. */
  name: string;
  /** As JSON, about. */
  bytes: number;
}

/** How many messages of one session are kept. */
export const MAX_MESSAGES = 200;
/** How many sessions are looked at at a time; one more takes the place of the one that was asked for least recently. */
export const MAX_SESSIONS = 32;
/** How long a session is looked at after somebody has asked, in ms: longer than the live stream ever waits. */
const LOOKED_AT_MS = 30_000;
/** How many requests wait for their answers, by their names. */
const MAX_OPEN = 500;

interface Noted {
  askedAt: number;
  count: number;
  messages: SessionMessage[];
  /** The names of requests that are not answered, by the direction and id of their answers. */
  open: Map<string, string>;
}

export class SessionMessages {
  readonly #now: () => number;
  readonly #sessions: Map<string, Noted> = new Map();

  /** @param now monotonic, in ms. */
  constructor(now: () => number = () => performance.now()) {
    this.#now = now;
  }

  /** A message has come from a client, or is on its way to it. Costs nothing where nobody looks. */
  take(session: string, direction: SessionMessage['direction'], message: Message): void {
    if (this.#sessions.size === 0) return;
    const noted = this.#sessions.get(session);
    if (noted === undefined) return;
    if (this.#now() - noted.askedAt > LOOKED_AT_MS) {
      this.#sessions.delete(session);
      return;
    }
    const { kind, name } = describe(noted.open, direction, message);
    noted.messages.push({ nr: ++noted.count, time: Date.now(), direction, kind, name, bytes: bytesOf(message) });
    if (noted.messages.length > MAX_MESSAGES) noted.messages.shift();
  }

  /** How many were noted. From now on they are. */
  count(session: string): number {
    return this.#look(session).count;
  }

  /** Oldest first. From now on they are noted. @param after the number of the last one that is known already. @default 0 */
  list(session: string, after = 0): readonly SessionMessage[] {
    return this.#look(session).messages.filter(({ nr }) => nr > after);
  }

  /** How many sessions are looked at. */
  get size(): number {
    return this.#sessions.size;
  }

  #look(session: string): Noted {
    const now = this.#now();
    for (const [known, { askedAt }] of this.#sessions) {
      if (now - askedAt > LOOKED_AT_MS) this.#sessions.delete(known);
    }
    const noted = this.#sessions.get(session) ?? { askedAt: now, count: 0, messages: [], open: new Map() };
    noted.askedAt = now;
    // The last of the map is the one that was asked for last.
    this.#sessions.delete(session);
    this.#sessions.set(session, noted);
    if (this.#sessions.size > MAX_SESSIONS) this.#sessions.delete(this.#sessions.keys().next().value!);
    return noted;
  }
}

/** 0 for what cannot be written as JSON, which a server in this process may say. */
function bytesOf(message: Message): number {
  try {
    return lengthOf(message);
  } catch {
    return 0;
  }
}

function describe(
  open: Noted['open'],
  direction: SessionMessage['direction'],
  message: Message,
): Pick<SessionMessage, 'kind' | 'name'> {
  const keyOf = (id: RpcId | undefined, answered: string): string => `${answered} ${typeof id} ${String(id)}`;
  if (isResponse(message)) {
    const key = keyOf(message.id, direction);
    const name = open.get(key) ?? '';
    open.delete(key);
    return { kind: 'error' in message ? 'error' : 'result', name };
  }
  const { method, params } = message;
  const about = method === 'tools/call' || method === 'prompts/get' ? params?.['name'] : undefined;
  const name = cut(typeof about === 'string' ? `${method} ${about}` : method, MAX_OWN_WORDS);
  if (!isRequest(message)) return { kind: 'notification', name };
  open.set(keyOf(message.id, direction === 'in' ? 'out' : 'in'), name);
  if (open.size > MAX_OPEN) open.delete(open.keys().next().value!);
  return { kind: 'request', name };
}
