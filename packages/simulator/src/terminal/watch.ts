/** Shows a run while it goes: in place on a terminal, as lines elsewhere. */
import type { Speaker } from '../client/client.ts';
import type { Progress, Watcher } from '../watcher.ts';
import { listen } from './keys.ts';
import type { Paint } from './paint.ts';
import { Screen, clean } from './screen.ts';
import { lineOf, viewOf } from './view.ts';
import type { Heading } from './view.ts';

export interface Surface {
  stderr: NodeJS.WriteStream;
  stdin: NodeJS.ReadStream;
  /** Whether to draw in place. */
  live: boolean;
  keys: boolean;
  /** Whether to show what is said. */
  talk: boolean;
  clients: number;
  paint: Paint;
}

/** Between plain lines, in ms. */
const LINE_EVERY_MS = 2000;
const MESSAGE_CHARACTERS = 400;
const SAME_IN_ALL = '"jsonrpc":"2.0",';

export function watch(surface: Surface): Watcher & { stop(): void } {
  const { stderr, stdin, live, keys, talk, clients, paint } = surface;
  const screen = new Screen(stderr);
  const heading: Heading = { target: '', server: '', keys, said: '' };
  let last: Progress | undefined;
  let lineAt = -Infinity;
  let stopListening = (): void => {};
  const print = (line: string): void => {
    if (live) screen.print(line);
    else stderr.write(`${line}\n`);
  };
  const draw = (): void => {
    if (live && last !== undefined) screen.draw(viewOf(last, heading, paint));
  };
  return {
    began: (controls, { target, server }) => {
      Object.assign(heading, { target, server: clean(server) });
      if (!live) print(`${target}  ${clean(server)}`);
      if (!keys) return;
      stopListening = listen(stdin, controls, clients, (said) => {
        heading.said = said;
        if (live) draw();
        else print(said);
      });
    },
    progress: (progress) => {
      last = progress;
      if (live) return draw();
      const now = performance.now();
      if (talk || now - lineAt < LINE_EVERY_MS) return;
      lineAt = now;
      print(lineOf(progress));
    },
    talk: talk
      ? (_client: number, speaker: Speaker, text: string) => {
          const colour = speaker === '→' ? 'cyan' : speaker === '←' ? 'green' : 'dim';
          const time = new Date().toISOString().slice(11, 23);
          print(
            `${paint('dim', time)} ${paint(colour, `${speaker} ${clean(text.slice(0, MESSAGE_CHARACTERS).replace(SAME_IN_ALL, ''))}`)}`,
          );
        }
      : undefined,
    stop: () => {
      stopListening();
      if (live) screen.clear();
    },
  };
}
