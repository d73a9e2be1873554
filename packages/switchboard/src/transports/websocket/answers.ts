/** What a handler answers to the messages of one peer that are not JSON-RPC. Both ends of a WebSocket use it. */
import { SwitchboardError } from '../../protocol/errors.ts';
import { isObject } from '../../protocol/jsonrpc.ts';
import type { JsonObject } from '../../protocol/jsonrpc.ts';

export interface AnswersOptions {
  /** Whether an answer waits for those to earlier messages; otherwise it may overtake them. */
  ordered: boolean;
  /** How many messages may be with the handler, or answered and waiting for their turn. */
  maxWaiting: number;
}

/** What came of a message. `answer` is absent where the handler returned nothing. */
export type Outcome = { answer?: JsonObject } | { error: unknown };

export class Answers {
  readonly #options: AnswersOptions;
  #waiting = 0;
  #last: Promise<void> = Promise.resolve();

  constructor(options: AnswersOptions) {
    this.#options = options;
  }

  /**
   * Gives a message to the handler, at once: handlers of several messages may run side by side.
   *
   * @param settle is called once, when it is the answer's turn. Must not throw.
   * @throws {SwitchboardError} `SWB_OVERLOADED`, and the handler is not called.
   */
  take(message: JsonObject, handle: () => unknown, settle: (outcome: Outcome) => void): void {
    const { ordered, maxWaiting } = this.#options;
    if (this.#waiting >= maxWaiting) {
      throw new SwitchboardError('SWB_OVERLOADED', { detail: `${maxWaiting} messages wait for the handler` });
    }
    const outcome = outcomeOf(message, handle);
    // A burst may bring more messages in one turn of the event loop than may wait; what is ready at once does not wait.
    if (!(outcome instanceof Promise) && (!ordered || this.#waiting === 0)) {
      settle(outcome);
      return;
    }
    this.#waiting++;
    const turn = async (): Promise<void> => {
      const settled = await outcome;
      this.#waiting--;
      settle(settled);
    };
    if (ordered) this.#last = this.#last.then(turn).catch(ignored);
    else turn().catch(ignored);
  }
}

/** `settle` does not throw; if it does all the same, the answers after it are not held back. */
const ignored = (): void => {};

function outcomeOf(message: JsonObject, handle: () => unknown): Outcome | Promise<Outcome> {
  const failed = (error: unknown): Outcome => ({ error });
  try {
    const answer: unknown = handle();
    if (!isThenable(answer)) return checked(message, answer);
    return Promise.resolve(answer).then((value) => checked(message, value), failed);
  } catch (error) {
    return failed(error);
  }
}

const isThenable = (value: unknown): value is PromiseLike<unknown> =>
  typeof (value as PromiseLike<unknown> | null | undefined)?.then === 'function';

function checked(message: JsonObject, answer: unknown): Outcome {
  if (answer === undefined || answer === null) return {};
  if (isObject(answer)) return { answer: correlated(answer, message) };
  const detail = `the handler returned a value of type ${Array.isArray(answer) ? 'array' : typeof answer}; return an object, or nothing`;
  return { error: new SwitchboardError('SWB_INVALID_MESSAGE', { detail }) };
}

/** An answer carries the `id` of the message that it answers, where that had one and the answer has none of its own. */
export function correlated(answer: JsonObject, { id }: JsonObject): JsonObject {
  const isId = typeof id === 'string' || typeof id === 'number';
  return !isId || Object.hasOwn(answer, 'id') ? answer : { ...answer, id };
}
