/** The clients of one thread, and their pace: each goes on when it is answered, or all together keep to a rate. */
import { performance } from 'node:perf_hooks';

import type { Chaos } from './chaos.ts';
import { Client } from './client/client.ts';
import type { Speaker } from './client/client.ts';
import type { Connection, Dial } from './client/connection.ts';
import { VERSIONS } from './client/era.ts';
import type { ClientEra } from './client/era.ts';
import { httpDial } from './client/http.ts';
import { stdioDial } from './client/stdio.ts';
import type { Tls } from './client/tls.ts';
import { websocketDial } from './client/websocket.ts';
import { correlationPrefix } from './correlation.ts';
import { Ledger } from './integrity.ts';
import type { Account } from './integrity.ts';
import { Queue } from './queue.ts';
import { pick, seeded } from './random.ts';
import type { Random } from './random.ts';
import { compileStep } from './scenario.ts';
import type { Step, StepText } from './scenario.ts';
import { Stats } from './stats.ts';
import type { Sample, Tally } from './stats.ts';

/** Which era the clients speak; `mixed` is half of each, `echo` is no MCP. */
export type Era = 'legacy' | 'modern' | 'mixed' | 'echo';

/** Where the clients go: an address, or a command that each starts for itself. */
export type Target =
  | { url: string; headers: Readonly<Record<string, string>>; tls?: Tls | undefined }
  | { command: readonly string[]; env: Readonly<Record<string, string | undefined>> };

/** What a group does; plain data, as it may go to another thread. */
export interface ClientGroupPlan {
  target: Target;
  /** The numbers of its clients. */
  numbers: readonly number[];
  era: Era;
  /** Part of every correlation id, so that nothing of another run is taken for this one's. */
  run: string;
  steps: readonly StepText[];
  seed: number;
  chaos: Chaos;
  inFlight: number;
  /** Calls a second of the whole group; without it each client goes on when it is answered. */
  rate?: number | undefined;
  /** After so many calls the group is done. */
  calls?: number | undefined;
  rampMs: number;
  timeoutMs: number;
  bigMessageBytes: number;
}

export interface ClientGroupEvents {
  crash?(): void;
  talk?: ((client: number, speaker: Speaker, text: string) => void) | undefined;
}

export interface ClientGroupEnd {
  tally: Tally;
  account: Account;
}

const SWEEP_MS = 100;
/** How many clients open at the same time where no ramp is given. */
const OPENING = 50;
/** How many calls may wait for a free client; more are counted as unsent. */
const MAX_WAITING = 100_000;
/** How many connections that nobody reads any more are kept open. */
const MAX_ABANDONED = 500;
const SLOW = { everyMs: 500, pausedMs: 400 } as const;
const FIRST_THINK_MS = 5;
const LONGEST_THINK_MS = 10_000;

export class ClientGroup {
  readonly #plan: ClientGroupPlan;
  readonly #events: ClientGroupEvents;
  readonly #ledger: Ledger = new Ledger(performance.now());
  readonly #stats: Stats = new Stats();
  /** Each client chooses its steps by itself, so that they are the same however fast the others are. */
  readonly #random = new Map<Client, Random>();
  readonly #steps: readonly Step[];
  readonly #weights: readonly number[];
  readonly #clients: Client[];
  readonly #slow: Client[];
  readonly #timers: NodeJS.Timeout[] = [];
  readonly #abandoned: Connection[] = [];
  /** One entry for each call that could begin now. */
  readonly #free: Client[] = [];
  /** When calls should have begun for which no client was free. */
  readonly #waiting = new Queue<number>();
  #running = false;
  #paused = false;
  #factor = 1;
  #thinkMs = 0;
  #nextAt = 0;
  #issued = 0;
  #loop = performance.eventLoopUtilization();
  #allIssued: () => void = () => {};

  constructor(plan: ClientGroupPlan, events: ClientGroupEvents = {}) {
    this.#plan = plan;
    this.#events = events;
    this.#steps = plan.steps.map((step, index) => compileStep(step, index));
    this.#weights = this.#steps.map(({ weight }) => weight);
    this.#clients = plan.numbers.map((number) => this.#client(number));
    for (const client of this.#clients) this.#random.set(client, seeded(plan.seed * 7919 + client.number));
    const share = plan.chaos['slow-reader'] ?? 0;
    this.#slow = this.#clients.filter(({ number }) => Math.floor(number * share) > Math.floor((number - 1) * share));
  }

  /** Opens all clients, spread over the ramp; resolves when each is open, or after the ramp and `timeoutMs`. */
  async open(): Promise<void> {
    const { rampMs, timeoutMs } = this.#plan;
    this.#every(SWEEP_MS, () => {
      const now = performance.now();
      for (const client of this.#clients) client.sweep(now);
    });
    const began = performance.now();
    const left = [...this.#clients.entries()];
    const openNext = async (): Promise<void> => {
      for (let next = left.shift(); next !== undefined; next = left.shift()) {
        const [index, client] = next;
        const at = began + (rampMs * index) / this.#clients.length;
        await new Promise((resolve) => void setTimeout(resolve, Math.max(0, at - performance.now())));
        await client.connect();
      }
    };
    const opening = Promise.all(Array.from({ length: rampMs > 0 ? this.#clients.length : OPENING }, openNext));
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise((resolve) => (timer = setTimeout(resolve, rampMs + timeoutMs)));
    await Promise.race([opening, late]);
    clearTimeout(timer);
  }

  /** Begins with the steps; resolves when as many calls as planned were made, and never where no number is planned. */
  begin(): Promise<void> {
    this.#running = true;
    this.#stats.takeInterval();
    const finished = new Promise<void>((resolve) => (this.#allIssued = resolve));
    for (const client of this.#slow) {
      this.#storm('slow-reader');
      this.#every(SLOW.everyMs, () => {
        client.pause();
        setTimeout(() => client.resume(), SLOW.pausedMs);
      });
    }
    for (let slot = 0; slot < this.#plan.inFlight; slot++) this.#free.push(...this.#clients);
    if (this.#plan.rate === undefined) this.#goOn();
    else {
      this.#nextAt = performance.now();
      this.#every(1, () => this.#keepPace());
    }
    return finished;
  }

  sample(): Sample {
    const before = this.#loop;
    this.#loop = performance.eventLoopUtilization();
    const { crossed, lost, doubled, disordered } = this.#ledger.account;
    return {
      ...this.#stats.takeInterval(),
      open: this.#clients.filter(({ isOpen }) => isOpen).length,
      inFlight: this.#inFlight,
      waiting: this.#waiting.length,
      codes: this.#stats.codes,
      faults: crossed + lost.length + doubled + disordered,
      busy: performance.eventLoopUtilization(this.#loop, before).utilization,
    };
  }

  /** Stops or goes on beginning calls; what is under way goes on. @returns whether it is paused now */
  pause(): boolean {
    this.#paused = !this.#paused;
    this.#nextAt = performance.now();
    if (!this.#paused) this.#goOn();
    return this.#paused;
  }

  /** Twice or half the rate; without a rate, a shorter or longer wait between a client's calls. @returns how it goes now */
  pace(faster: boolean): string {
    if (this.#plan.rate !== undefined) {
      this.#factor *= faster ? 2 : 0.5;
      return `${(this.#plan.rate * this.#factor).toPrecision(3)} calls/s`;
    }
    if (faster) this.#thinkMs = this.#thinkMs > FIRST_THINK_MS ? this.#thinkMs / 2 : 0;
    else this.#thinkMs = Math.min(LONGEST_THINK_MS, Math.max(FIRST_THINK_MS, this.#thinkMs * 2));
    return this.#thinkMs === 0 ? 'as fast as answers come' : `${this.#thinkMs} ms after each answer`;
  }

  /** Cuts every connection; the clients come back. */
  cut(): void {
    for (const client of this.#clients) client.cut();
  }

  /** One line about a client, or undefined where it belongs to another group. */
  describe(number: number): string | undefined {
    return this.#clients.find((client) => client.number === number)?.describe(performance.now());
  }

  /** Begins nothing more, waits for what is under way, and ends every client. */
  async finish(): Promise<ClientGroupEnd> {
    this.#running = false;
    const deadline = performance.now() + this.#plan.timeoutMs + 2 * SWEEP_MS;
    const queued = (): boolean => this.#clients.some((client) => client.queued > 0);
    while ((this.#inFlight > 0 || queued()) && performance.now() < deadline) {
      await new Promise((resolve) => void setTimeout(resolve, 5));
    }
    this.#stats.unsent += this.#waiting.length;
    for (const timer of this.#timers) clearInterval(timer);
    for (const client of this.#slow) client.resume();
    for (const connection of this.#abandoned) connection.cut();
    await Promise.all(this.#clients.map((client) => client.end()));
    return { tally: this.#stats.tally, account: this.#ledger.account };
  }

  get #inFlight(): number {
    return this.#clients.reduce((sum, client) => sum + client.inFlight, 0);
  }

  #client(number: number): Client {
    const { era, run, seed, chaos, timeoutMs, bigMessageBytes, target } = this.#plan;
    const own: ClientEra = era !== 'mixed' ? era : number % 2 === 1 ? 'legacy' : 'modern';
    const talk = this.#events.talk;
    return new Client(number, {
      era: own,
      chaos,
      timeoutMs,
      bigMessageBytes,
      stats: this.#stats,
      ledger: this.#ledger,
      dial: dialTo(target, own),
      prefix: correlationPrefix(run),
      random: seeded(seed * 1_000_003 + number),
      crash: () => this.#events.crash?.(),
      abandon: (connection) => {
        this.#abandoned.push(connection);
        if (this.#abandoned.length > MAX_ABANDONED) this.#abandoned.shift()!.cut();
      },
      talk: talk && ((speaker, text) => talk(number, speaker, text)),
    });
  }

  /** Open loop: calls begin when they should, whether the server keeps up or not, and are measured from when they should have begun. */
  #keepPace(): void {
    if (!this.#running || this.#paused) return;
    const step = 1000 / (this.#plan.rate! * this.#factor);
    for (const now = performance.now(); this.#nextAt <= now; this.#nextAt += step) {
      if (this.#isDone) return;
      const client = this.#free.shift();
      if (client !== undefined) this.#perform(client, this.#nextAt);
      else if (this.#waiting.length < MAX_WAITING) this.#waiting.push(this.#nextAt);
      else this.#stats.unsent++;
    }
  }

  /** Closed loop: whoever is free begins. */
  #goOn(): void {
    if (this.#plan.rate !== undefined) return;
    while (this.#running && !this.#paused && !this.#isDone && this.#free.length > 0)
      this.#perform(this.#free.pop()!, undefined);
  }

  #perform(client: Client, begun: number | undefined): void {
    this.#issued++;
    const step = this.#steps[this.#steps.length === 1 ? 0 : pick(this.#random.get(client)!, this.#weights)]!;
    client.perform(step, begun, () => this.#done(client));
    if (this.#isDone) this.#allIssued();
  }

  #done(client: Client): void {
    const begun = this.#waiting.shift();
    if (begun !== undefined && this.#running) return this.#perform(client, begun);
    if (this.#thinkMs > 0) setTimeout(() => this.#release(client), this.#thinkMs);
    else this.#release(client);
  }

  #release(client: Client): void {
    this.#free.push(client);
    this.#goOn();
  }

  get #isDone(): boolean {
    return this.#plan.calls !== undefined && this.#issued >= this.#plan.calls;
  }

  #storm(name: string): void {
    this.#stats.storm(name);
  }

  #every(ms: number, act: () => void): void {
    this.#timers.push(setInterval(act, ms));
  }
}

/** @throws {TypeError} where a URL has another scheme than ws, wss, http or https; options refuse it before */
export function dialTo(target: Target, era: ClientEra): Dial {
  if ('command' in target) return stdioDial(target.command, target.env);
  const url = new URL(target.url);
  if (url.protocol.startsWith('ws')) return websocketDial(url, target.headers, target.tls);
  const { headers, tls } = target;
  return httpDial({ url, headers, tls, version: VERSIONS[era], modern: era === 'modern' });
}
