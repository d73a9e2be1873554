/** `fetch` for who shows a certificate, or trusts an authority of their own: that of Node cannot be told to. */
import type { ClientTls } from './client-tls.ts';

export async function fetchWith(tls: ClientTls): Promise<typeof globalThis.fetch> {
  const { Agent, fetch } = await import('undici');
  const dispatcher = new Agent({ connect: { ...tls } as object });
  return ((input, init) => fetch(input as string, { ...(init as object), dispatcher })) as typeof globalThis.fetch;
}
