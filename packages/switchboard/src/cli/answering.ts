/** Answers the questions of a server for `call`: on the terminal, one after the other. */
import type { JsonObject } from '../protocol/jsonrpc.ts';
import { askForm } from './form.ts';
import type { Answer } from './form.ts';
import { TerminalLines } from './terminal-lines.ts';

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
  const terminal = new TerminalLines(process.stdin, process.stderr);
  const stop = (): void => terminal.close();
  signal.addEventListener('abort', stop, { once: true });
  try {
    return await askForm(params, {
      say: (text) => void process.stderr.write(`${text}\n`),
      ask: (prompt) => terminal.ask(prompt),
    });
  } finally {
    signal.removeEventListener('abort', stop);
    terminal.close();
  }
}
