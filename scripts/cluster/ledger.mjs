// What clients of a load test saw.

/** How long after a fault something may be lost that a node had not written yet, and before it. */
const UNWRITTEN_MS = 400;
/** How long after a fault a call may be neither answered nor failed. */
const LATE_MS = 2000;

export class Ledger {
  answered = 0;
  /** Calls that failed, by what the client was told. */
  failed = {};
  /** Those among them of sessions that can move, and of requests without a session, with their transport and server. */
  failedMovable = {};
  /** Calls that took longer than that, by what became of them. */
  late = {};
  /** Answers and messages that were for somebody else, that came twice, or out of order. */
  crossed = 0;
  doubled = 0;
  disordered = 0;
  /** What nothing but a fault of Switchboard explains, in words. */
  wrong = [];
  /** Sessions that should have gone on and did not; those with a server of their own that began again. */
  lost = 0;
  begunAgain = 0;
  /** Numbers that a client was told, and those that are missing although nothing explains it. */
  told = 0;
  missed = 0;
  unexplained = 0;
  dropped = 0;
  /** Faults, from when until when, in ms of this process. */
  faults = [];
  /** How long calls took beyond what their tool takes, in ms, by transport; those that were open at a fault from then on. */
  #waits = {};

  begin() {
    const fault = { from: performance.now(), to: Infinity };
    this.faults.push(fault);
    return fault;
  }

  /** Counts a call that has come to its end. @param failure what the client was told; undefined where it was answered. */
  count({ transport, begun, ms, what, isMovable }, failure) {
    const now = performance.now();
    const { from = 0 } = this.faults.findLast((fault) => fault.from < now) ?? {};
    const waited = now - Math.max(begun, from) - ms;
    (this.#waits[transport] ??= []).push(waited);
    if (waited > LATE_MS) {
      const end = `${what} ${failure ?? 'answered'}`;
      this.late[end] = (this.late[end] ?? 0) + 1;
    }
    if (failure === undefined) this.answered++;
    else {
      this.failed[failure] = (this.failed[failure] ?? 0) + 1;
      if (isMovable) this.failedMovable[`${what} ${failure}`] = (this.failedMovable[`${what} ${failure}`] ?? 0) + 1;
    }
  }

  /** Whether a fault explains that something of this time is missing. */
  explains(at) {
    return this.faults.some(({ from, to }) => at > from - UNWRITTEN_MS && at < to + UNWRITTEN_MS);
  }

  report(fault) {
    if (this.wrong.length < 20) this.wrong.push(fault);
  }

  get waitsMs() {
    return Object.fromEntries(
      Object.entries(this.#waits).map(([transport, waits]) => {
        const sorted = waits.toSorted((a, b) => a - b);
        const at = (share) => Math.round(sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))]);
        return [transport, { p50: at(0.5), p99: at(0.99), max: at(1) }];
      }),
    );
  }
}
