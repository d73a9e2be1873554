/**
 * Runs work whose failure belongs to somebody: what it throws, or rejects with, is handed to `fail` and goes no further.
 *
 * Every callback of a timer or an emitter, and every promise that nobody waits for, is run through this, so that a fault ends what it
 * happened in and not the process.
 *
 * @param fail must not throw.
 */
export function owned(work: () => unknown, fail: (thrown: unknown) => void): void {
  try {
    const running = work();
    if (running instanceof Promise) running.catch(fail);
  } catch (thrown) {
    fail(thrown);
  }
}
