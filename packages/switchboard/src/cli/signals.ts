/**
 * Resolves when everything has ended after the first signal; a second signal does not wait.
 *
 * @param hangUp what SIGHUP does, if not the same.
 */
export function endOnSignal(running: { close(): Promise<void> }, hangUp?: () => void): Promise<void> {
  return new Promise((resolve) => {
    let ending = false;
    const end = (): void => {
      if (ending) process.exit(1);
      ending = true;
      void running.close().then(() => {
        process.stdin.destroy();
        resolve();
      });
    };
    for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, end);
    process.on('SIGHUP', hangUp ?? end);
  });
}
