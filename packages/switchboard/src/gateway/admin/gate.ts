/** Who may use the admin API: a program of this machine that shows the token. */
import { createHash, randomBytes, timingSafeEqual } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';

import { RateLimit } from '../../limits/token-bucket.ts';
import { SwitchboardError } from '../../protocol/errors.ts';
import { guardOperator } from '../../transports/http/guard.ts';
import { isLoopback } from '../../util/address.ts';
import { addressBlock, canonicalAddress } from '../../util/address.ts';

/** How many wrong tokens a minute this machine may show; those beyond are told to wait. */
export const MAX_FAILURES = 10;

export class Gate {
  readonly token: string;
  readonly #digest: Buffer;
  readonly #failures: RateLimit = new RateLimit({ perMinute: MAX_FAILURES, maxClients: 1000 });

  /** @param token what is wanted; empty for one of 256 random bits. */
  constructor(token: string) {
    this.token = token === '' ? randomBytes(32).toString('base64url') : token;
    this.#digest = digest(this.token);
  }

  /** @throws {SwitchboardError} `SWB_NOT_FOUND` to others than this machine, `SWB_UNAUTHORIZED`, `SWB_RATE_LIMITED` */
  check(request: IncomingMessage, response: ServerResponse): void {
    guardOperator(request, { host: 'localhost' });
    const address = canonicalAddress(request.socket.remoteAddress ?? '');
    if (!isLoopback(address)) {
      throw new SwitchboardError('SWB_NOT_FOUND', { detail: 'the admin API is for this machine alone' });
    }
    const [, shown] = /^Bearer +(\S+)$/i.exec(request.headers.authorization ?? '') ?? [];
    // Digests are of one length, so that the time tells nothing. What is right is let in first: other users of this machine share its
    // address, and must not lock the operator out.
    if (shown !== undefined && timingSafeEqual(digest(shown), this.#digest)) return;
    const retryAfterMs = shown === undefined ? 0 : this.#failures.waitMs(addressBlock(address));
    if (retryAfterMs > 0) {
      const detail = `${MAX_FAILURES} wrong tokens a minute, the limit; try again in ${retryAfterMs} ms`;
      throw new SwitchboardError('SWB_RATE_LIMITED', { detail, data: { retryAfterMs } });
    }
    if (shown !== undefined) this.#failures.take(addressBlock(address));
    response.setHeader('www-authenticate', 'Bearer realm="switchboard admin"');
    const detail =
      shown === undefined ? 'the admin API requires a bearer token' : 'this is not the token of the admin API';
    throw new SwitchboardError('SWB_UNAUTHORIZED', { detail });
  }
}

const digest = (text: string): Buffer => createHash('sha256').update(text).digest();
