/** Checks what a person has shown, at the server that it is for. */
import type { Credentials, HttpProbe } from './credentials.ts';

/** `unknown` when the server could not be asked: that says nothing about the credentials. */
export type Verdict = 'right' | 'wrong' | 'unknown';

const TIMEOUT_MS = 10_000;

export async function probeOverHttp({ url, headers = {} }: HttpProbe, credentials: Credentials): Promise<Verdict> {
  try {
    const response = await fetch(credentials.fill(url, encodeURIComponent), {
      headers: credentials.fillAll(headers),
      // A redirect is not followed: it could take the key to another place.
      redirect: 'manual',
      signal: AbortSignal.timeout(TIMEOUT_MS),
    });
    await response.body?.cancel();
    if (response.ok) return 'right';
    return response.status >= 400 && response.status < 500 && response.status !== 429 ? 'wrong' : 'unknown';
  } catch {
    return 'unknown';
  }
}
