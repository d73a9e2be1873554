/** Sessions whose clients are away. */
import type { Session } from './session.ts';

type Absent = Pick<Session, 'account' | 'isEmpty' | 'lastActivity'>;

/**
 * Which of them is ended to make room: one in which nothing would be lost, then one of the account that has most of them, so that who opens and
 * leaves many connections loses sessions of its own.
 */
export function firstToEnd<Each extends Absent>(away: readonly Each[]): Each | undefined {
  const counts = new Map<string, number>();
  for (const { account } of away) counts.set(account, (counts.get(account) ?? 0) + 1);
  const countOf = ({ account }: Each): number => counts.get(account) ?? 0;
  const [first] = away.toSorted(
    (one, other) =>
      Number(other.isEmpty) - Number(one.isEmpty) ||
      countOf(other) - countOf(one) ||
      one.lastActivity - other.lastActivity,
  );
  return first;
}
