/** Live events for operators, as server-sent events. */
import type { GatewayEvent, ProgramEvent } from '../../observe/events.ts';
import type { JsonObject } from '../../protocol/jsonrpc.ts';
import { matchesPattern } from '../../util/pattern.ts';
import { Watchers } from './watchers.ts';

export type LiveEvent = GatewayEvent | ProgramEvent;

/** @param max how many readers there may be, all of them by one operator. @default operators have shares */
export const eventWatchers = (max?: number): Watchers<LiveEvent> =>
  new Watchers({
    format: written,
    formatMissed: (count) => framed({ type: 'missed', count }),
    ...(max !== undefined && { max }),
  });

/** @param types of events, in which `*` stands for anything. */
export const ofTypes =
  (types: readonly string[]) =>
  ({ type }: { type: string }): boolean =>
    types.some((pattern) => matchesPattern(pattern, type));

function written(event: LiveEvent): string {
  return framed(factsOf(event));
}

/** What operators get to see of an event, with its time. */
export function factsOf({ type, ...facts }: LiveEvent): { type: string } & JsonObject {
  // Of what was thrown only the message: the rest of it is for the log.
  const shown = 'error' in facts && facts.error instanceof Error ? { ...facts, error: facts.error.message } : facts;
  return { type, time: new Date().toISOString(), ...shown };
}

/** As a server-sent event. */
export const framed = (facts: { type: string } & JsonObject): string =>
  `event: ${facts.type}\ndata: ${JSON.stringify(facts)}\n\n`;
