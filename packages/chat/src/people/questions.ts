/** What one person was asked and has not answered: questions of tools, and approvals. */
import { randomUUID } from 'node:crypto';

import type { ApprovalRequest, Closed, Question, ServerMessage } from '../protocol/server-messages.ts';

type Asked = Omit<Question, 'question' | 'expires_at'> | Omit<ApprovalRequest, 'approval' | 'expires_at'>;
/** `full`: so many are open already that the person was not asked. */
export type Reply<Answer> = { answer: Answer } | { none: 'cancelled' | 'timeout' | 'full' };

interface Open {
  message: Question | ApprovalRequest;
  close(reason: Closed['reason'], answer?: unknown): void;
}

/** How many may be open at once; more are not even asked. */
const MAX_OPEN = 20;

export class Questions {
  readonly #open: Map<string, Open> = new Map();
  readonly #send: (message: ServerMessage) => void;
  readonly #timeoutMs: number;

  constructor(send: (message: ServerMessage) => void, timeoutMs: number) {
    this.#send = send;
    this.#timeoutMs = timeoutMs;
  }

  /** What is open, oldest first, for a client that comes back. */
  get open(): (Question | ApprovalRequest)[] {
    return [...this.#open.values()].map(({ message }) => message);
  }

  /** Asks; never rejects. */
  ask<Answer>(asked: Asked, signal: AbortSignal): Promise<Reply<Answer>> {
    if (signal.aborted) return Promise.resolve({ none: 'cancelled' });
    if (this.#open.size >= MAX_OPEN) return Promise.resolve({ none: 'full' });
    const id = `q_${randomUUID()}`;
    const expires_at = new Date(Date.now() + this.#timeoutMs).toISOString();
    const message =
      asked.type === 'question' ? { ...asked, question: id, expires_at } : { ...asked, approval: id, expires_at };
    return new Promise((resolve) => {
      const close = (reason: Closed['reason'], answer?: unknown): void => {
        if (!this.#open.delete(id)) return;
        clearTimeout(timer);
        signal.removeEventListener('abort', abort);
        this.#send({ type: 'closed', id, reason });
        resolve(reason === 'answered' ? { answer: answer as Answer } : { none: reason });
      };
      const abort = (): void => close('cancelled');
      const timer = setTimeout(() => close('timeout'), this.#timeoutMs);
      signal.addEventListener('abort', abort, { once: true });
      this.#open.set(id, { message, close });
      this.#send(message);
    });
  }

  /** @returns whether this was asked, and in this way. */
  answer(type: 'question' | 'approval_request', id: string, answer: unknown): boolean {
    const open = this.#open.get(id);
    if (open?.message.type !== type) return false;
    open.close('answered', answer);
    return true;
  }

  cancelAll(): void {
    for (const { close } of this.#open.values()) close('cancelled');
  }
}
