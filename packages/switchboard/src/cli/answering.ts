/** Answers the questions of a server for `call`: on the terminal, one after the other. */
import { createInterface } from 'node:readline';

import type { JsonObject } from '../protocol/jsonrpc.ts';
import { askForm } from './form.ts';
import type { Answer } from './form.ts';

export class Answering {
  /** Whether a person is there to be asked; otherwise no server is told that it can ask. */
  readonly isTerminal: boolean = process.stdin.isTTY && process.stderr.isTTY;
  #last: Promise<unknown> = Promise.resolve();

  /** @param signal fires when the answer no longer matters */
  answer(params: JsonObject, signal: AbortSignal): Promise<Answer> {
    if (params['mode'] === 'url') {
      process.stderr.write('switchboard: the server asks for a page to be opened, which is declined\n');
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
