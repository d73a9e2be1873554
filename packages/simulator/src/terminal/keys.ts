/** What a person can do while a run goes, by single letters. */
import type { Controls } from '../watcher.ts';

export const KEYS: Readonly<Record<string, string>> = {
  p: 'pause',
  '+': 'faster',
  '-': 'slower',
  c: 'cut the network',
  s: 'show a client',
  q: 'quit',
};

const CTRL_C = '\u0003';

/**
 * Listens until `stop` is called.
 *
 * @param say told what a key did
 * @returns stop
 */
export function listen(
  stdin: NodeJS.ReadStream,
  controls: Controls,
  clients: number,
  say: (text: string) => void,
): () => void {
  let shown = 0;
  const quit = (): undefined => controls.quit() as undefined;
  const acts: Readonly<Record<string, () => Promise<string> | undefined>> = {
    p: () => controls.pause(),
    '+': () => controls.pace(true),
    '-': () => controls.pace(false),
    c: () => controls.cut(),
    s: () => controls.describe((shown++ % clients) + 1),
    q: quit,
    [CTRL_C]: quit,
  };
  const hear = (chunk: Buffer): void => {
    for (const letter of chunk.toString()) {
      if (Object.hasOwn(acts, letter)) acts[letter]!()?.then(say, (error: unknown) => say((error as Error).message));
    }
  };
  if (stdin.isTTY) stdin.setRawMode(true);
  stdin.on('data', hear);
  return () => {
    stdin.off('data', hear);
    if (stdin.isTTY) stdin.setRawMode(false);
    // A pipe that stays open would keep the program.
    stdin.destroy();
  };
}
