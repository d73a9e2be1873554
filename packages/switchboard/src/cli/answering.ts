/** Answers the questions of a server for `call`: on the terminal, one after the other; without a terminal they are declined. */
import { createInterface } from 'node:readline';

import type { JsonObject } from '../protocol/jsonrpc.ts';
import { askForm } from './form.ts';
import type { Answer } from './form.ts';

export class Answering {
  readonly #isTerminal: boolean = process.stdin.isTTY && process.stderr.isTTY;
  #last: Promise<unknown> = Promise.resolve();

  /** @param signal fires when the answer no longer matters */
  answer(params: JsonObject, signal: AbortSignal): Promise<Answer> {
    if (!this.#isTerminal || params['mode'] === 'url') {
      const why = this.#isTerminal ? 'it wants a page to be opened' : 'there is no terminal to answer on';
      process.stderr.write(`switchboard: the server asked a question, which is declined: ${why}\n`);
      return Promise.resolve({ action: 'decline' });
    }
    const answer = this.#last.then(() => askHere(params, signal));
    this.#last = answer.catch(() => {});
    return answer;
  }
}

async function askHere(params: JsonObject, signal: AbortSignal): Promise<Answer> {
  if (signal.aborted) return { action: 'cancel' };
  const terminal = createInterface({ input: process.stdin, output: process.stderr });
  const ended = new Promise<undefined>((resolve) => terminal.once('close', () => resolve(undefined)));
  const stop = (): void => terminal.close();
  terminal.on('SIGINT', stop);
  signal.addEventListener('abort', stop, { once: true });
  try {
    return await askForm(params, {
      say: (text) => void process.stderr.write(`${text}\n`),
      ask: (prompt) => Promise.race([new Promise<string>((resolve) => terminal.question(prompt, resolve)), ended]),
    });
  } finally {
    signal.removeEventListener('abort', stop);
    terminal.close();
  }
}
