/** Answers the questions of a server for `call`: on the terminal, one after the other; without a terminal they are declined. */
import { createInterface } from 'node:readline';

import type { JsonObject } from '../protocol/jsonrpc.ts';
import { askForm } from './form.ts';
import type { Answer } from './form.ts';

export class Answering {
  /** Whether a person is there to be asked. */
  readonly isTerminal: boolean = process.stdin.isTTY && process.stderr.isTTY;
  #last: Promise<unknown> = Promise.resolve();

  /** @param signal fires when the answer no longer matters */
  answer(params: JsonObject, signal: AbortSignal): Promise<Answer> {
    if (!this.isTerminal || params['mode'] === 'url') {
      const why = this.isTerminal ? 'it wants a page to be opened' : 'there is no terminal to answer on';
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
  // Lines may be typed ahead, or pasted: each waits for its question.
  const lines = terminal[Symbol.asyncIterator]();
  let isClosed = false;
  terminal.once('close', () => (isClosed = true));
  const stop = (): void => terminal.close();
  terminal.on('SIGINT', stop);
  signal.addEventListener('abort', stop, { once: true });
  try {
    return await askForm(params, {
      say: (text) => void process.stderr.write(`${text}\n`),
      ask: async (prompt) => {
        if (!isClosed) {
          terminal.setPrompt(prompt);
          terminal.prompt();
        }
        const { value, done } = await lines.next();
        return done === true ? undefined : value;
      },
    });
  } finally {
    signal.removeEventListener('abort', stop);
    terminal.close();
  }
}
