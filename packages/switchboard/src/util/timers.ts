/** Keeps a timer from holding the process up. In a browser a timer is a number, and nothing has to be done. */
export function unreffed<Timer>(timer: Timer): Timer {
  (timer as { unref?: () => void }).unref?.();
  return timer;
}
