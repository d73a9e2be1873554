/** The structured log: JSON lines on stderr, one for each event. Message bodies never get here, as events carry none. */
import { pino } from 'pino';

import type { Emit, GatewayEvent } from './events.ts';
import { asLine } from './line.ts';

/** How important a line of the log is. */
export type LogLevel = 'trace' | 'debug' | 'info' | 'warn' | 'error';

const LEVELS: Readonly<Record<GatewayEvent['type'], LogLevel>> = {
  listening: 'info',
  draining: 'info',
  statistics: 'info',
  reloaded: 'info',
  'reload.failed': 'error',
  'connection.opened': 'debug',
  'connection.closed': 'debug',
  'connection.refused': 'warn',
  'certificate.loaded': 'info',
  'certificate.expiring': 'warn',
  'certificate.failed': 'error',
  'session.opened': 'info',
  'session.closed': 'info',
  'request.refused': 'debug',
  'notification.passed': 'debug',
  'request.started': 'trace',
  'request.ended': 'debug',
  'member.started': 'debug',
  'member.ready': 'info',
  'member.failed': 'error',
  'member.closed': 'info',
  'member.retired': 'info',
  'upstream.failing': 'error',
  'upstream.recovered': 'info',
  'tools.changed': 'warn',
  'catalogue.missing': 'warn',
  'catalogue.collision': 'warn',
  'upstream.stderr': 'debug',
  'upstream.memory': 'info',
  'upstream.withheld': 'warn',
  'upstream.stray': 'warn',
  'upstream.notice': 'warn',
  'audit.failed': 'error',
  failed: 'error',
};

/** What a log writes, and where. */
export interface LogOptions {
  /** The least level that is written; `silent` writes nothing. */
  level: LogLevel | 'silent';
  /** The file descriptor to write to. @default 2 */
  fd?: number;
}

/**
 * Makes the log of the `switchboard` command: one line of JSON for each event, written at once.
 *
 * @returns a function for `onEvent`.
 * @example
 * ```ts
 * createGateway({ upstreams, onEvent: createLog({ level: 'info' }) });
 * ```
 */
export function createLog({ level, fd = 2 }: LogOptions): Emit {
  const options = { level, base: null, timestamp: pino.stdTimeFunctions.isoTime };
  const destination = pino.destination({ dest: fd, sync: true });
  const logger = pino(options, { write: (line) => void destination.write(asLine(line)) });
  return (event) => {
    const at = levelOf(event);
    if (!logger.isLevelEnabled(at)) return;
    const { type, ...facts } = event;
    if ('error' in facts) logger[at]({ ...facts, error: undefined, err: facts.error }, type);
    else logger[at](facts, type);
  };
}

function levelOf(event: GatewayEvent): LogLevel {
  return event.type === 'member.closed' && !event.expected ? 'warn' : LEVELS[event.type];
}
