/** Live events for operators, as server-sent events. */
import type { GatewayEvent, ProgramEvent } from '../../observe/events.ts';
import { matchesPattern } from '../../util/pattern.ts';
import { Watchers } from './watchers.ts';

export type LiveEvent = GatewayEvent | ProgramEvent;

export const eventWatchers = (): Watchers<LiveEvent> =>
  new Watchers({
    format: written,
    formatMissed: (count) => `event: missed\ndata: ${JSON.stringify({ type: 'missed', count })}\n\n`,
  });

/** @param types of events, in which `*` stands for anything. */
export const ofTypes =
  (types: readonly string[]) =>
  ({ type }: LiveEvent): boolean =>
    types.some((pattern) => matchesPattern(pattern, type));

function written(event: LiveEvent): string {
  const { type, ...facts } = event;
  // Of what was thrown only the message: the rest of it is for the log.
  const told = 'error' in facts && facts.error instanceof Error ? { ...facts, error: facts.error.message } : facts;
  return `event: ${type}\ndata: ${JSON.stringify({ type, time: new Date().toISOString(), ...told })}\n\n`;
}
