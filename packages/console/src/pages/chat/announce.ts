import { isReady, type ChatState } from './state.ts';
import { isTurn, runningTurn, textOf, type Item } from './items.ts';

/** Longer answers are announced by their beginning: who wants the rest reads it on the page. */
const LONGEST = 600;

const shortened = (text: string): string => (text.length > LONGEST ? `${text.slice(0, LONGEST)}…` : text);

const ended = (items: readonly Item[]): number =>
  items.filter((item) => isTurn(item) && item.stopped !== undefined).length;

/**
 * What a screen reader should say of a change: that an answer begins, and the answer once it is whole, rather than each piece of
 * it as it streams; what others say in a room; what waits for the person; and the state of the connection.
 */
export function announcement(before: ChatState, after: ChatState): string | undefined {
  if (after.asks.length > before.asks.length) return `Your answer is needed: ${after.asks.at(-1)!.request.message}`;
  if (before.link === 'open' && after.link === 'waiting') return 'The connection is lost. It is tried again.';
  if (before.reached && !isReady(before) && isReady(after)) return 'Connected again.';
  if (after.items === before.items) return undefined;
  if (ended(after.items) === ended(before.items) + 1) {
    const turn = after.items.findLast((item) => isTurn(item) && item.stopped !== undefined);
    if (turn !== undefined && isTurn(turn)) return shortened(turn.error ?? `The assistant: ${textOf(turn.parts)}`);
  }
  if (runningTurn(before.items) === undefined && runningTurn(after.items) !== undefined)
    return 'The assistant answers.';
  const last = after.items.at(-1);
  if (after.items.length !== before.items.length + 1 || last === undefined) return undefined;
  if (last.kind === 'notice') return last.text;
  if (last.kind === 'said' && after.room !== undefined && last.from !== after.room.me) {
    return shortened(`${last.from}: ${last.text}`);
  }
  return undefined;
}
