/** Tells when a file was written: by an editor that replaces it, or in place. */
import { watch } from 'node:fs';
import { basename, dirname, resolve } from 'node:path';

/** Several changes that come together are one. */
const SETTLE_MS = 200;

/** @returns what stops it. */
export function watchFile(file: string, onChange: () => void): () => void {
  const path = resolve(file);
  let timer: NodeJS.Timeout | undefined;
  // The folder, as a file that is replaced is another file.
  const watcher = watch(dirname(path), (_, name) => {
    if (name !== null && name !== basename(path)) return;
    clearTimeout(timer);
    timer = setTimeout(onChange, SETTLE_MS).unref();
  });
  watcher.on('error', () => {});
  watcher.unref();
  return () => {
    clearTimeout(timer);
    watcher.close();
  };
}
