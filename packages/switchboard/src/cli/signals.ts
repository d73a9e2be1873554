/** Resolves when everything has ended after the first signal; a second signal does not wait. */
export function endOnSignal(running: { close(): Promise<void> }): Promise<void> {
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
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, end);
  });
}
