/** Asks one person whether a tool may run: with an `approval_request`, or in words where the client knows none. */
import type { Ended } from '../protocol/history.ts';
import type { ToolCall } from '../protocol/server-messages.ts';
import type { Questions } from './questions.ts';

/** A call that waits for a person's word. */
export type OfferedCall = Omit<ToolCall, 'type' | 'by' | 'server'> & { server: string };
export type Consent = 'approved' | Exclude<Ended, 'changed'>;

export interface ApprovalsOptions {
  questions: Questions;
  /** Whether the client can only be asked in words; then it is asked one question after the other. */
  inWords: boolean;
  /** What becomes of calls of a client that can only be asked in words. */
  unasked: 'refuse' | 'allow';
}

export class Approvals {
  readonly #options: ApprovalsOptions;
  #asking: Promise<unknown> = Promise.resolve();

  constructor(options: ApprovalsOptions) {
    this.#options = options;
  }

  /** Never rejects; `stopped` when the signal aborts. */
  async ask(call: OfferedCall, signal: AbortSignal): Promise<Consent> {
    const { inWords, unasked } = this.#options;
    if (!inWords) return this.#ask(call, signal);
    if (unasked === 'allow') return 'approved';
    const asking = this.#asking.then(() => this.#ask(call, signal));
    this.#asking = asking;
    return asking;
  }

  /**
   * Takes a yes or a no to what was asked in words. Leaving, or forgetting the conversation, is a no.
   *
   * @returns `answered` when the text was meant for nothing else; `open` when a question goes on waiting.
   */
  takeText(text: string): 'answered' | 'open' | undefined {
    const { questions, inWords } = this.#options;
    const open = inWords ? questions.open.find((message) => message.type === 'approval_request') : undefined;
    if (open === undefined) return undefined;
    const word = text.trim().toLowerCase();
    const isYes = word === 'yes' || word === 'y';
    const isNo = word === 'no' || word === 'n';
    if (!isYes && !isNo && word !== 'quit' && word !== 'clear') return 'open';
    questions.answer('approval_request', open.approval, isYes);
    return isYes || isNo ? 'answered' : undefined;
  }

  async #ask({ title, ...call }: OfferedCall, signal: AbortSignal): Promise<Consent> {
    const what = title === undefined || title === call.name ? call.name : `“${title}” (${call.name})`;
    const message = `${what} of ${call.server} may change or delete something. May it run?`;
    const { turn, call: id, name, server, arguments: written } = call;
    const request = { type: 'approval_request', turn, call: id, name, server, arguments: written, message } as const;
    const reply = await this.#options.questions.ask<boolean>(
      { ...request, ...(title !== undefined && { title }) },
      signal,
    );
    if ('answer' in reply) return reply.answer ? 'approved' : 'refused';
    return ({ cancelled: 'stopped', timeout: 'expired', full: 'unasked' } as const)[reply.none];
  }
}
