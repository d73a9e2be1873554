/** Where an authorization server has its keys: read from its metadata (RFC 8414, OpenID Connect Discovery 1.0). */
import { z } from 'zod';

import { SwitchboardError } from '../protocol/errors.ts';

const metadata = z.object({ issuer: z.string(), jwks_uri: z.url() });
const MAX_BYTES = 1024 * 1024;

/** In the order that MCP 2026-07-28, Authorization, "Authorization Server Metadata Discovery", asks for. */
function metadataUrls(issuer: string): URL[] {
  const { origin, pathname } = new URL(issuer);
  const path = pathname.replace(/\/$/, '');
  const urls = [`/.well-known/oauth-authorization-server${path}`, `/.well-known/openid-configuration${path}`];
  if (path !== '') urls.push(`${path}/.well-known/openid-configuration`);
  return urls.map((each) => new URL(each, origin));
}

/** @throws {SwitchboardError} `SWB_ISSUER_UNAVAILABLE` when it does not say, or says it for another issuer. */
export async function findJwksUrl(issuer: string, timeoutMs: number): Promise<URL> {
  let why = 'it has no metadata';
  for (const url of metadataUrls(issuer)) {
    try {
      const answer = await fetch(url, { redirect: 'error', signal: AbortSignal.timeout(timeoutMs) });
      if (!answer.ok) continue;
      const text = await answer.text();
      const read = text.length > MAX_BYTES ? undefined : metadata.safeParse(JSON.parse(text));
      if (read?.success !== true) why = `${url.href} is no metadata`;
      // Else one issuer could name itself the source of another's tokens (RFC 8414, section 3.3).
      else if (read.data.issuer !== issuer) why = `${url.href} is of another issuer`;
      else return new URL(read.data.jwks_uri);
    } catch (error) {
      why = `${url.href}: ${(error as Error).message}`;
    }
  }
  throw new SwitchboardError('SWB_ISSUER_UNAVAILABLE', { detail: why, data: { retryAfterMs: 5000 } });
}
