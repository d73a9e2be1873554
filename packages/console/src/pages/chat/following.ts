/** Where a scrolled box is, in pixels. */
export interface Place {
  /** How far it is scrolled. */
  readonly top: number;
  /** How high its content is. */
  readonly height: number;
  /** How much of that is seen. */
  readonly seen: number;
}

export const placeOf = ({ scrollTop, scrollHeight, clientHeight }: Element): Place => ({
  top: scrollTop,
  height: scrollHeight,
  seen: clientHeight,
});

/** Browsers round heights and distances differently. */
const ROUNDING = 2;

/** Whether the end is to be kept in view: until somebody scrolls up, however little, and again once somebody has come to the end. */
export function follows(before: boolean, last: Place | undefined, now: Place): boolean {
  const atEnd = now.height - now.top - now.seen <= ROUNDING;
  // Less content, or more room, moves what is seen as well: then it is at the end.
  if (atEnd) return true;
  const isUp = last !== undefined && now.top < last.top - 0.5;
  return isUp ? false : before;
}
