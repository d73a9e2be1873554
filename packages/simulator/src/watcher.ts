/** What somebody who watches a run is told, and can do to it. */
import type { Speaker } from './client/client.ts';
import type { Point } from './result.ts';

/** What can be done to a run while it goes. Each resolves to what to tell the person. */
export interface Controls {
  pause(): Promise<string>;
  pace(faster: boolean): Promise<string>;
  cut(): Promise<string>;
  describe(client: number): Promise<string>;
  /** Ends the run early; its result counts. */
  quit(): void;
}

/** What a watcher is told. */
export interface Progress {
  /** `opening`, `running`, `draining`, `settling` */
  phase: string;
  point: Point;
  points: readonly Point[];
  answers: number;
  errors: number;
  faults: number;
  inFlight: number;
  waiting: number;
  /** From 0 to 1, or undefined where there is no end. */
  done: number | undefined;
  codes: Readonly<Record<string, number>>;
  /** In seconds. */
  seconds: number;
  clients: number;
  busy: number;
}

/** Follows a run while it goes. */
export interface Watcher {
  /** The clients are about to be opened. */
  began?(controls: Controls, about: { target: string; server: string; steps: readonly string[] }): void;
  /** About four times a second. */
  progress?(progress: Progress): void;
  /** With `single`: a message of the conversation. */
  talk?: ((client: number, speaker: Speaker, text: string) => void) | undefined;
}
