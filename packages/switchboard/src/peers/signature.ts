/**
 * How nodes recognise each other: a request carries a signature over its method, path, headers, time and a nonce, for one receiver; the
 * answer carries one over that nonce and the status. The digest of a request's body is one of its headers. The body of an answer is not
 * signed, as it is passed on while it comes; TLS protects it where others could reach the network between the nodes.
 */
import { randomBytes } from 'node:crypto';
import type { IncomingHttpHeaders } from 'node:http';

import { SwitchboardError } from '../protocol/errors.ts';
import type { ClusterKey } from './cluster-key.ts';

export const SIGNATURE_HEADER = 'switchboard-peer';
/** The SHA-256 of the body, where there is one. */
export const BODY_HEADER = 'switchboard-peer-body';
/** How far the clocks of two nodes may be apart, and how long a signed request can be delivered, in ms. */
export const WINDOW_MS = 30_000;
/** How many nonces are remembered, each for a window: some 6,600 requests a second. */
const MAX_NONCES = 200_000;

/** Not signed: they belong to the connection, or are the signature. */
const UNSIGNED: ReadonlySet<string> = new Set([
  'host',
  'connection',
  'keep-alive',
  'content-length',
  'transfer-encoding',
  SIGNATURE_HEADER,
]);
const REQUEST = /^1 ([\w-]{1,64}) ([\w-]{1,64}) (\d{1,15}) ([\w-]{22}) ([\w-]{43})$/;
const ANSWER = /^1 ([\w-]{43})$/;

export interface SignedRequest {
  method: string;
  /** With its query. */
  path: string;
  headers: Readonly<Record<string, string>>;
  /** The ids of the nodes. */
  from: string;
  to: string;
}

/** @returns the header to send, and the nonce that the answer has to be about. */
export function signRequest(
  key: ClusterKey,
  { method, path, headers, from, to }: SignedRequest,
): { header: string; nonce: string } {
  const nonce = randomBytes(16).toString('base64url');
  const time = Date.now();
  const signature = key.sign(['request', method, path, from, to, time, nonce, signedHeaders(headers)]);
  return { header: `1 ${from} ${to} ${time} ${nonce} ${signature}`, nonce };
}

/** What is known of a request whose signature is right. */
export interface Signer {
  from: string;
  /** For whom it is; the receiver has to see that it is meant. */
  to: string;
  nonce: string;
  /** Until then it could come a second time, in ms since 1970. */
  until: number;
}

/**
 * Whoever goes on with the request has to {@link Nonces.remember} it.
 *
 * @throws {SwitchboardError} `SWB_PEER_UNAUTHORIZED`: it is not signed with the key of the cluster, came late, or came before. Only who has
 * the key learns which.
 */
export function verifyRequest(
  key: ClusterKey,
  nonces: Nonces,
  {
    method = '',
    url = '',
    headers,
  }: { method?: string | undefined; url?: string | undefined; headers: IncomingHttpHeaders },
): Signer {
  const given = headers[SIGNATURE_HEADER];
  if (given === undefined) throw refused('it has no signature');
  const [, from, to, time, nonce, signature] = REQUEST.exec(String(given)) ?? [];
  if (from === undefined || to === undefined || nonce === undefined) throw refused('its signature cannot be read');
  const parts = ['request', method, url, from, to, Number(time), nonce, signedHeaders(headers)];
  if (!key.verifies(parts, signature!)) throw refused('its signature is of another key, or of another request');
  const offMs = Date.now() - Number(time);
  if (Math.abs(offMs) > WINDOW_MS) {
    const detail = `it was signed ${Math.round(offMs / 1000)} s ago, and ${WINDOW_MS / 1000} is the most; compare the clocks of the nodes`;
    throw refused(detail);
  }
  if (nonces.has(nonce)) throw refused('it came before');
  return { from, to, nonce, until: Number(time) + WINDOW_MS };
}

export const signAnswer = (key: ClusterKey, owner: string, nonce: string, status: number): string =>
  `1 ${key.sign(['answer', owner, nonce, status])}`;

export function isAnswerSigned(
  key: ClusterKey,
  owner: string,
  nonce: string,
  status: number,
  headers: IncomingHttpHeaders,
): boolean {
  const signature = ANSWER.exec(String(headers[SIGNATURE_HEADER]))?.[1];
  return signature !== undefined && key.verifies(['answer', owner, nonce, status], signature);
}

/** Remembers what was received, so that it is not received twice. Only what is signed gets here, so only nodes can fill it. */
export class Nonces {
  /** With the time until which each could come again, in the order in which they came. */
  readonly #seen: Map<string, number> = new Map();
  readonly #max: number;

  constructor(max: number = MAX_NONCES) {
    this.#max = max;
  }

  get size(): number {
    return this.#seen.size;
  }

  has(nonce: string): boolean {
    return this.#seen.has(nonce);
  }

  /** @throws {SwitchboardError} `SWB_OVERLOADED` when no more can be remembered. */
  remember(nonce: string, until: number, now: number = Date.now()): void {
    for (const [old, end] of this.#seen) {
      if (end >= now) break;
      this.#seen.delete(old);
    }
    if (this.#seen.size >= this.#max) {
      const detail = `${this.#max} requests of other nodes came within ${WINDOW_MS / 1000} s, the limit`;
      throw new SwitchboardError('SWB_OVERLOADED', { detail, data: { retryAfterMs: 1000 } });
    }
    this.#seen.set(nonce, until);
  }
}

function signedHeaders(headers: IncomingHttpHeaders): [string, string][] {
  return Object.entries(headers)
    .flatMap(([name, value]): [string, string][] =>
      value === undefined || UNSIGNED.has(name) ? [] : [[name, String(value)]],
    )
    .toSorted(([one], [other]) => (one < other ? -1 : 1));
}

export const refused = (detail: string): SwitchboardError => new SwitchboardError('SWB_PEER_UNAUTHORIZED', { detail });
