/** The structured log: on stderr, one line for each event. Message bodies never get here, as events carry none. */
import { isatty } from 'node:tty';
import { pino } from 'pino';

import type { GatewayEvent, ProgramEvent } from './events.ts';
import { asLine } from './line.ts';
import { asText } from './log-text.ts';

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
  'store.garbage': 'warn',
  'store.away': 'error',
  'store.back': 'warn',
  'store.fenced': 'error',
  'request.forwarded': 'debug',
  'node.joined': 'info',
  'node.left': 'warn',
  'node.fenced': 'error',
  'peer.refused': 'warn',
  'operator.acted': 'info',
  'audit.failed': 'error',
  failed: 'error',
};

/** What a log writes, and where. */
export interface LogOptions {
  /** The least level that is written; `silent` writes nothing. */
  level: LogLevel | 'silent';
  /** The file descriptor to write to. @default 2 */
  fd?: number;
  /** `json`: one object a line; `text`: readable; `auto`: text where the file descriptor is a terminal, JSON elsewhere. @default 'json' */
  format?: 'auto' | 'json' | 'text';
  /** Colours for text, where the file descriptor is a terminal. @default false */
  coloured?: boolean;
  /** What stands in each line. @default nothing */
  facts?: Readonly<Record<string, unknown>>;
  /** Takes each line as JSON, without a line feed; nothing is written to the file descriptor then. @default none */
  write?(line: string): void;
}

/**
 * Makes the log of the `switchboard` command: one line for each event, written at once; JSON unless `format` says otherwise.
 *
 * @returns a function for `onEvent`.
 * @example
 * ```ts
 * createGateway({ upstreams, onEvent: createLog({ level: 'info' }) });
 * ```
 */
export function createLog({
  level,
  facts,
  write: given,
  ...where
}: LogOptions): (event: GatewayEvent | ProgramEvent) => void {
  const options = { level, base: facts ?? null, timestamp: pino.stdTimeFunctions.isoTime };
  const write = given ?? writerTo(where);
  const logger = pino(options, { write: (line) => write(asLine(line.trimEnd())) });
  return (event) => {
    const at = levelOf(event);
    if (!logger.isLevelEnabled(at)) return;
    const { type, ...said } = event.type === 'request.ended' ? { ...event, times: undefined } : event;
    if ('error' in said) logger[at]({ ...said, error: undefined, err: said.error }, type);
    else logger[at](said, type);
  };
}

function writerTo({
  fd = 2,
  format = 'json',
  coloured = false,
}: Omit<LogOptions, 'level' | 'facts'>): (line: string) => void {
  const destination = pino.destination({ dest: fd, sync: true });
  const isTerminal = isatty(fd);
  const isText = format === 'text' || (format === 'auto' && isTerminal);
  const shown = (line: string): string => (isText ? asText(line, { coloured: coloured && isTerminal }) : line);
  return (line) => void destination.write(`${shown(line)}\n`);
}

/** Events of a program are errors where their name says so. */
function levelOf(event: GatewayEvent | ProgramEvent): LogLevel {
  if (event.type === 'member.closed' && event['expected'] === false) return 'warn';
  if (Object.hasOwn(LEVELS, event.type)) return LEVELS[event.type as GatewayEvent['type']];
  return /\bfailed$/.test(event.type) ? 'error' : 'info';
}
