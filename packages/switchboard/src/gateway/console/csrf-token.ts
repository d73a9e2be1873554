/** What the page shows with each change. Only the page of the sign-in itself can know it; a cookie, a browser sends for others as well. */
import { createHmac, timingSafeEqual } from 'node:crypto';
import type { IncomingMessage } from 'node:http';

import { SwitchboardError } from '../../protocol/errors.ts';

const HEADER = 'switchboard-csrf-token';

/** @param secret of the session, as the cookie holds it. */
export const csrfTokenOf = (secret: string): string => createHmac('sha256', secret).update('csrf').digest('base64url');

/** @throws {SwitchboardError} `SWB_REFUSED` where a change does not come with the token of its session. */
export function checkCsrfToken({ method, headers }: IncomingMessage, secret: string): void {
  if (method === 'GET') return;
  const own = Buffer.from(csrfTokenOf(secret));
  const given = Buffer.from(String(headers[HEADER] ?? ''));
  if (given.length === own.length && timingSafeEqual(given, own)) return;
  const detail = `the header ${HEADER} does not hold the token of this sign-in; reload the page, as this browser may have signed in again elsewhere`;
  throw new SwitchboardError('SWB_REFUSED', { detail });
}
