/**
 * The audit log: who did what, when, and how it ended, as JSON lines in a file. One stream writes it, what waits for the disk is
 * bounded, and a disk that fails costs lines, never calls.
 */
import sonicBoom from 'sonic-boom';

import type { JsonObject } from '../protocol/jsonrpc.ts';
import { LazyResult } from '../protocol/lazy-result.ts';
import type { Outcome } from '../router/exchange.ts';
import { omit } from '../util/omit.ts';
import type { Emit, GatewayEvent } from './events.ts';
import { asLine } from './line.ts';

export interface AuditOptions {
  /** The file; it is made with mode 0600, and its folder if there is none. Lines are appended. */
  path: string;
  /** Whether lines hold params and results. @default false */
  contents?: boolean;
  /** Told when lines are lost. */
  emit: Emit;
  /** How many bytes may wait for the disk; lines beyond are lost. @default 8 MiB */
  maxQueueBytes?: number;
}

/** What is written of a request besides its event, where that is wanted. */
export interface Contents {
  params: JsonObject | undefined;
  outcome: Outcome | 'cancelled';
}

const AUDITED: ReadonlySet<GatewayEvent['type']> = new Set([
  'connection.opened',
  'connection.closed',
  'connection.refused',
  'session.opened',
  'session.closed',
  'request.refused',
  'notification.passed',
  'request.ended',
  'tools.changed',
  'operator.acted',
]);

const MAX_QUEUE_BYTES = 8 * 1024 * 1024;
/** Params, or a result, that are longer are left out of their line. */
const MAX_CONTENT_BYTES = 64 * 1024;
/** How often lost lines are reported, and a file that cannot be opened is tried again. */
const REPORT_MS = 10_000;
/** Values under such a key are never written. */
const SECRET =
  /^pass$|passw|passphrase|passcode|^pwd$|^pin$|^otp$|^auth$|authorization|secret|token|credential|cookie|keys?$/i;

const { SonicBoom } = sonicBoom;
type File = InstanceType<typeof SonicBoom>;

export class AuditLog {
  readonly contents: boolean;
  readonly #options: AuditOptions;
  #file: File | undefined;
  #reason = '';
  #lost = 0;
  #pause: NodeJS.Timeout | undefined;
  #closed = false;
  #openedAt = -Infinity;

  constructor(options: AuditOptions) {
    this.#options = options;
    this.contents = options.contents === true;
    this.#open();
  }

  /** Writes a line, if the event is one that is audited. Never throws. */
  write(event: GatewayEvent, contents?: Contents): void {
    if (this.#closed || !AUDITED.has(event.type)) return;
    const line = JSON.stringify({ time: new Date().toISOString(), ...event, times: undefined });
    try {
      const more = contents === undefined ? '' : contentsOf(contents);
      if (this.#file === undefined) this.#drop(this.#reason);
      else this.#file.write(`${asLine(`${line.slice(0, -1)}${more}}`)}\n`);
    } catch (error) {
      this.#drop((error as Error).message);
    }
    if (this.#file === undefined && performance.now() - this.#openedAt > REPORT_MS) this.#open();
  }

  /** Goes on in a new file of the same name, after the old one was moved away. */
  reopen(): void {
    if (this.#closed) return;
    this.#file?.end();
    this.#open();
  }

  /** Resolves when everything that waits has been written, or cannot be. */
  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    const file = this.#file;
    this.#file = undefined;
    if (file !== undefined) {
      await new Promise<void>((resolve) => {
        file.once('close', resolve);
        // What could not be written before is tried once more, and then given up.
        file.once('error', () => {
          file.destroy();
          resolve();
        });
        file.end();
      });
    }
    clearTimeout(this.#pause);
    this.#pause = undefined;
    if (this.#lost > 0) this.#report();
    clearTimeout(this.#pause);
  }

  #open(): void {
    this.#openedAt = performance.now();
    const { path, maxQueueBytes = MAX_QUEUE_BYTES } = this.#options;
    // Pino's own destination ends itself when the process exits, and throws there if it could never be opened.
    const file = new SonicBoom({ dest: path, sync: false, mkdir: true, mode: 0o600, maxLength: maxQueueBytes });
    let opened = false;
    file.once('ready', () => (opened = true));
    file.on('error', (error: Error) => {
      this.#reason = error.message;
      if (opened) {
        // What it had taken is kept and tried again with the next line.
        this.#report();
        return;
      }
      if (this.#file === file) this.#file = undefined;
      this.#drop(error.message);
    });
    file.on('drop', () => this.#drop(this.#reason || 'too much waits for the disk'));
    this.#file = file;
  }

  #drop(reason: string): void {
    this.#reason = reason;
    this.#lost++;
    this.#report();
  }

  /** At once, and then no more often than the pause allows. */
  #report(): void {
    if (this.#pause !== undefined) return;
    const lost = this.#lost;
    this.#lost = 0;
    this.#options.emit({ type: 'audit.failed', reason: this.#reason, lost });
    this.#pause = setTimeout(() => {
      this.#pause = undefined;
      if (this.#lost > 0) this.#report();
    }, REPORT_MS).unref();
  }
}

/** How large the params and the answer are as JSON. */
export function sizesOf({ params, outcome }: Contents): { bytesIn: number; bytesOut?: number } {
  const bytesIn = params === undefined ? 0 : bytesOf(params);
  if (outcome === 'cancelled') return { bytesIn };
  if (outcome instanceof LazyResult) return { bytesIn, bytesOut: outcome.byteLength };
  return { bytesIn, bytesOut: bytesOf('result' in outcome ? outcome.result : outcome.error) };
}

/** 0 for what cannot be written as JSON, which a server in this process may answer with. */
function bytesOf(value: unknown): number {
  try {
    return Buffer.byteLength(JSON.stringify(value));
  } catch {
    return 0;
  }
}

function contentsOf({ params, outcome }: Contents): string {
  const said = params === undefined ? '' : `,"params":${redacted(omit(params, '_meta'))}`;
  if (outcome === 'cancelled') return said;
  if ('error' in outcome) return `${said},"error":${redacted({ ...outcome.error })}`;
  const isLong = outcome instanceof LazyResult && outcome.byteLength > MAX_CONTENT_BYTES;
  try {
    return `${said},"result":${isLong ? leftOut(outcome.byteLength) : redacted(outcome.result)}`;
  } catch {
    return `${said},"result":"[left out: it cannot be read]"`;
  }
}

/** The value as JSON, without what stands under the name of a secret. A secret within a text is not found. */
export function redacted(value: JsonObject): string {
  const text = JSON.stringify(value, (key, each: unknown) => (SECRET.test(key) ? '[redacted]' : each));
  const bytes = Buffer.byteLength(text);
  return bytes > MAX_CONTENT_BYTES ? leftOut(bytes) : text;
}

const leftOut = (bytes: number): string => `"[left out: ${bytes} bytes, the limit is ${MAX_CONTENT_BYTES}]"`;
