/** Checks what a person has shown, in the way that the host has chosen. */
import type { Gateway } from 'mcp-switchboard';

import type { CredentialOptions, Credentials } from '../people/credentials.ts';
import { probeOverHttp } from '../people/probe.ts';
import type { Verdict } from '../people/probe.ts';
import { Toolbox } from './toolbox.ts';

export async function checkCredentials(
  shown: Credentials,
  use: CredentialOptions,
  servers: readonly string[],
  gateway: Gateway,
): Promise<Verdict> {
  const { probe } = use;
  if (probe === undefined) return 'right';
  if ('url' in probe) return probeOverHttp(probe, shown);
  const toolbox = new Toolbox({
    gateway,
    servers: servers.filter((name) => name === probe.server),
    principal: 'anonymous',
    credentials: shown,
    use,
    silenceMs: 10_000,
    onChanged: () => {},
    onQuestion: async () => ({ action: 'cancel' }),
  });
  try {
    const tools = await toolbox.tools();
    if (tools.length === 0) return 'unknown';
    const tool = tools.find(({ name }) => name === probe.tool);
    if (tool === undefined) return 'unknown';
    const options = { signal: AbortSignal.timeout(30_000), onProgress: () => {} };
    const { isError } = await toolbox.call(tool, probe.arguments ?? {}, options);
    return isError ? 'wrong' : 'right';
  } catch {
    return 'unknown';
  } finally {
    await toolbox.close();
  }
}
