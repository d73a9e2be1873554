/** Where the members of an upstream are that several nodes have together: each is at one of them, and the others reach it there. */
import type { SwitchboardError } from '../protocol/errors.ts';
import type { Era } from '../protocol/eras.ts';
import type { Slot } from '../router/exchange.ts';
import type { Channel } from '../transports/channel.ts';
import type { LiveMember } from './live-member.ts';

/** A place for one member, at this node. */
export interface Place {
  /** Who shares it, as {@link memberKey} says. */
  slot: string;
  /** Its number among those of the slot. */
  replica: number;
  /** Gives another node a part in the member that is here. @throws {SwitchboardError} why there is none. */
  lend(): Promise<Loan>;
  /** Another node has the place now: the member that is here ends. */
  giveUp(reason: string): void;
}

/** The part that another node has in a member. */
export interface Loan {
  slot: Slot;
  member: LiveMember;
  /** Whether it serves sessions, so that what it says to all is heard. */
  servesSessions: boolean;
  /** The other node needs it no more. */
  end(): void;
}

/** A member at another node. */
export interface MemberElsewhere {
  era: Era;
  channel: Channel;
}

export interface Placement {
  /**
   * Finds the node that has the member of a place; where none has it, this one does from now on.
   *
   * @returns a channel to it; nothing where it is this node's, which starts it.
   * @throws {SwitchboardError} `SWB_STORE_UNAVAILABLE`, `SWB_NODE_UNREACHABLE`, or why it could not be started elsewhere.
   */
  find(place: Place): Promise<MemberElsewhere | undefined>;
  /** Resolves when it is known whether what is here is still this node's; nothing where that is known. */
  settled(): Promise<void> | undefined;
  /** The place is no more. */
  release(place: Place): void;
}

const NOT_FOUND_OUT: ReadonlySet<string> = new Set([
  'SWB_STORE_UNAVAILABLE',
  'SWB_NODE_UNREACHABLE',
  'SWB_NODE_LOST',
  'SWB_NOT_OWNER',
  'SWB_OVERLOADED',
]);

/** Whether it could not be found out where a member is, which says nothing about its server. */
export const isNotFoundOut = ({ code }: SwitchboardError): boolean => NOT_FOUND_OUT.has(code);
