/** One cell of the matrix, and what proves a requirement in it. */
import type { GatewayEvent } from '../../../src/observe/events.ts';
import type { Json } from '../../support/wire.ts';
import { Inbox } from './inbox.ts';
import type { Era, Peer, ToolResult } from './peer.ts';
import type { Impossible, Isolation, Requirement, RequirementId } from './requirements.ts';
import type { Served } from './served.ts';

export interface Cell {
  server: Era;
  isolation: Isolation;
  peer: Peer;
  /** Clients of both eras that ask for nothing and must hear nothing of this one. */
  bystanders: readonly Peer[];
  /** What the servers write to stderr. */
  stderr: Inbox<string>;
  served: Served;
}

export interface Proof {
  holds(cell: Cell): Promise<void>;
  /** Where it is impossible: that it fails cleanly. */
  fails?(cell: Cell): Promise<void>;
}

export type Proofs = Partial<Record<RequirementId, Proof>>;

/** Why the requirement cannot hold in a cell, if it cannot. */
export function reasonAgainst(
  { impossible = [] }: Requirement,
  cell: { client: Era; server: Era; isolation: Isolation },
): string | undefined {
  const applies = (each: Impossible): boolean =>
    (['client', 'server', 'isolation'] as const).every((key) => each[key] === undefined || each[key] === cell[key]);
  return impossible.find(applies)?.reason;
}

export const stderrOf =
  (stderr: Inbox<string>) =>
  (event: GatewayEvent): void => {
    if (event.type === 'upstream.stderr') stderr.put(event.line);
  };

export interface Failure {
  code?: number;
  message: string;
  data?: unknown;
}

/** How a promise failed; what did not fail is an error of the test. */
export async function failureOf(promise: Promise<unknown>): Promise<Failure> {
  const [outcome] = await Promise.allSettled([promise]);
  if (outcome.status === 'rejected') return outcome.reason as Failure;
  throw new Error(`expected a failure, got ${JSON.stringify(outcome.value)}`);
}

/** The error that came off the wire last: the SDK's clients translate some codes for their callers. */
export function lastError({ heard }: Peer): Failure | undefined {
  return heard.findLast((message) => 'error' in message)?.['error'] as Failure | undefined;
}

/** What a tool's text says, which is JSON. */
export const saidBy = ({ content: [first] }: ToolResult): unknown => JSON.parse(first!.text) as unknown;

/** Whether a call failed in one of the two ways that there are. */
export async function failsCleanly(call: Promise<ToolResult>): Promise<boolean> {
  const [outcome] = await Promise.allSettled([call]);
  return outcome.status === 'rejected' ? 'code' in (outcome.reason as object) : outcome.value.isError === true;
}

/** A round trip: what was sent to this client before has arrived. */
export const roundTrip = async ({ call }: Peer): Promise<void> => void (await call('echo', { text: 'round trip' }));

/** What anybody was asked since the last look. */
export const askedOf = ({ peer, bystanders }: Cell): unknown[] =>
  [peer, ...bystanders].flatMap(({ person }) => person.forget());

let labels = 0;
export const newLabel = (): string => `label-${process.pid}-${++labels}`;

export const metaOf = (body: unknown): Json => ((body as Json | undefined)?.['_meta'] ?? {}) as Json;
