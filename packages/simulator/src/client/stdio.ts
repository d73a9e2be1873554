/** Connections to child processes: each client starts the command for itself, and speaks over its pipes, a message a line. */
import spawn from 'cross-spawn';

import { CLOSE_MS } from './connection.ts';
import type { Dial } from './connection.ts';

/** @param env the child's whole environment */
export function stdioDial(command: readonly string[], env: NodeJS.ProcessEnv): Dial {
  return async (events) => {
    const [file = '', ...args] = command;
    const child = spawn(file, args, { stdio: ['pipe', 'pipe', 'ignore'], env });
    let over = false;
    await new Promise<void>((resolve, reject) => {
      child.once('spawn', resolve);
      child.once('error', (error: NodeJS.ErrnoException) => reject(new Error(error.code ?? error.message)));
    });
    const { stdin, stdout } = child as typeof child & { stdin: NodeJS.WritableStream; stdout: NodeJS.ReadableStream };
    stdin.on('error', () => {});
    lines(stdout, (line) => {
      if (!over && line !== '') events.message(line);
    });
    const exited = new Promise<void>((resolve) => {
      child.once('exit', (code, signal) => {
        if (!over) events.ended(`exited ${code ?? signal}`);
        over = true;
        resolve();
      });
    });
    return {
      send: (text) => void stdin.write(`${text}\n`),
      close: async () => {
        over = true;
        stdin.end();
        const timers = [
          setTimeout(() => child.kill('SIGTERM'), CLOSE_MS),
          setTimeout(() => child.kill('SIGKILL'), 2 * CLOSE_MS),
        ];
        await exited;
        timers.forEach(clearTimeout);
      },
      cut: () => {
        over = true;
        child.kill('SIGKILL');
      },
      pause: () => void stdout.pause(),
      resume: () => void stdout.resume(),
    };
  };
}

/** Parts of a line are joined once, so that a long one stays linear. */
function lines(stream: NodeJS.ReadableStream, take: (line: string) => void): void {
  let parts: string[] = [];
  stream.setEncoding('utf8');
  stream.on('data', (chunk: string) => {
    let from = 0;
    for (let end = chunk.indexOf('\n'); end >= 0; end = chunk.indexOf('\n', from)) {
      parts.push(chunk.slice(from, end));
      take(parts.length === 1 ? parts[0]! : parts.join(''));
      parts = [];
      from = end + 1;
    }
    if (from < chunk.length) parts.push(chunk.slice(from));
  });
}
