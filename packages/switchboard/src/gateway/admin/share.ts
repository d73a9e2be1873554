/** Streams to operators are few, so each operator has a share of them: one that takes all it can locks nobody else out. */
import { SwitchboardError } from '../../protocol/errors.ts';
import type { Operator } from './operator.ts';

/** How many streams of one kind there may be. */
export const MAX_STREAMS = 32;
/** How many of them one operator may have. All who show the token, and the operators who came by its links, are one. */
export const MAX_STREAMS_EACH = 8;

/**
 * @param open those that there are.
 * @param each how many one operator may have.
 * @param most how many there may be.
 * @throws {SwitchboardError} `SWB_OVERLOADED` where this operator may have no more.
 */
export function checkShare(
  open: Iterable<{ operator: Operator }>,
  { name, role }: Operator,
  each: number = MAX_STREAMS_EACH,
  most: number = MAX_STREAMS,
): void {
  const all = [...open];
  const own = all.filter(({ operator }) => operator.name === name && operator.role === role).length;
  if (own < each && all.length < most) return;
  const detail =
    own >= each
      ? `${name} has ${own} streams open already, the limit for one ${role}; close one, such as another page of the console`
      : `${all.length} streams are open already, the limit`;
  throw new SwitchboardError('SWB_OVERLOADED', { detail });
}
