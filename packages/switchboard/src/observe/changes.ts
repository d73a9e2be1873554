/** What changed what clients get, in words: a function of the events. The newest are kept. */
import { cut } from '../util/cut.ts';
import { actedInWords } from './acted.ts';
import type { GatewayEvent } from './events.ts';

/** Something that changed what clients get, or could not. */
export interface Change {
  /** When it happened last, in ms since 1970. */
  time: number;
  /** Of the event. */
  type: string;
  level: 'info' | 'warn' | 'error';
  upstream?: string | undefined;
  /** Of an operator: the route of the admin API. */
  action?: string | undefined;
  text: string;
  /** How often it happened, each within a minute of the one before. */
  count: number;
}

/** How many are kept. */
export const MAX_CHANGES = 500;
const MAX_TEXT = 500;
const MINUTE_MS = 60_000;

export class Changes {
  readonly #now: () => number;
  #kept: Change[] = [];

  constructor(now: () => number) {
    this.#now = now;
  }

  /** Oldest first. */
  get all(): readonly Change[] {
    return this.#kept;
  }

  onEvent(event: GatewayEvent): void {
    const described = describe(event);
    if (described !== undefined) this.#add(event.type, described);
  }

  /** Goes on with what an earlier process has kept, which has ended since. */
  restore(earlier: readonly Change[]): void {
    this.#kept = [...earlier, ...this.#kept].slice(-MAX_CHANGES);
  }

  #add(type: string, described: Described): void {
    const time = this.#now();
    const change: Change = { time, type, ...described, text: cut(described.text, MAX_TEXT), count: 1 };
    const before = this.#kept.at(-1);
    if (
      before?.type === type &&
      before.upstream === change.upstream &&
      before.text === change.text &&
      time - before.time < MINUTE_MS
    ) {
      before.time = time;
      before.count++;
      return;
    }
    this.#kept.push(change);
    if (this.#kept.length > MAX_CHANGES) this.#kept.shift();
  }
}

type Described = Pick<Change, 'level' | 'upstream' | 'action' | 'text'>;

/** A change in words; undefined for what is none. */
function describe(event: GatewayEvent): Described | undefined {
  switch (event.type) {
    case 'reloaded': {
      const { added, changed, removed, applied, restartNeeded } = event;
      const parts = Object.entries({ added, changed, removed, applied, 'needs a restart': restartNeeded });
      const text = parts.flatMap(([what, names]) => (names.length === 0 ? [] : [`${what}: ${names.join(', ')}`]));
      return { level: 'info', text: `Configuration reloaded${text.length === 0 ? '' : `; ${text.join('; ')}`}` };
    }
    case 'reload.failed':
      return { level: 'error', text: `Configuration not reloaded: ${event.reason}` };
    case 'draining':
      return { level: 'warn', text: 'Draining: no new clients are accepted' };
    case 'member.failed':
      return { level: 'error', upstream: event.upstream, text: event.reason };
    case 'member.closed':
      return event.expected ? undefined : { level: 'warn', upstream: event.upstream, text: event.reason };
    case 'member.retired':
      return { level: 'info', upstream: event.upstream, text: `Replaced: ${event.reason}` };
    case 'upstream.failing':
      return { level: 'error', upstream: event.upstream, text: `Keeps failing: ${event.reason}` };
    case 'upstream.recovered':
      return { level: 'info', upstream: event.upstream, text: 'Works again' };
    case 'node.joined':
      return { level: 'info', text: `Node ${event.name} joined` };
    case 'node.left':
      return { level: 'warn', text: `Node ${event.name} is gone: its sessions go on at other nodes` };
    case 'node.fenced':
      return {
        level: 'warn',
        text: 'The other nodes took this one for gone: it gave its sessions up, and joined again',
      };
    case 'store.away':
      return { level: 'error', text: `The store is away: ${event.detail}` };
    case 'store.back':
      return { level: 'info', text: `The store is back${event.lost ? ': it may have lost what it had' : ''}` };
    case 'tools.changed':
      return { level: 'warn', upstream: event.upstream, text: `Tools changed: ${event.tools.join(', ')}` };
    case 'certificate.failed':
      return { level: 'error', text: `Certificate not read: ${event.reason}` };
    case 'certificate.expiring':
      return { level: 'warn', text: `Certificate ${event.subject} expires ${event.expires}` };
    case 'audit.failed':
      return { level: 'error', text: `Audit log: ${event.lost} lines lost: ${event.reason}` };
    case 'failed':
      return { level: 'error', text: `Fault in ${event.where}` };
    case 'operator.acted': {
      const { operator, action, subject, outcome } = event;
      const text = actedInWords(operator, action, subject, outcome);
      return text === undefined ? undefined : { level: outcome === 'ok' ? 'info' : 'warn', action, text };
    }
    default:
      return undefined;
  }
}
