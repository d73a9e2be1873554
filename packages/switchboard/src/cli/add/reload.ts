import { asSwitchboardError } from '../../protocol/errors.ts';
import type { Change } from '../../gateway/change.ts';
import { AdminClient } from '../admin-client.ts';
import { describeChange } from '../control.ts';
import { runFiles } from '../run-file.ts';

/** Lets the Switchboard that runs here read its configuration again. @returns what came of it; it never fails */
export async function reloadRunning(environment: NodeJS.ProcessEnv): Promise<string> {
  const running = runFiles(environment);
  if (running.length === 0) return 'No Switchboard runs here: the next one that starts has the change.';
  if (running.length > 1) return 'Several run here: each sees by itself that its file has changed.';
  try {
    const change = await AdminClient.find({}, environment).ask<Change>('POST', '/reload');
    return `The running Switchboard was reloaded: ${describeChange(change)}`;
  } catch (error) {
    return `The running Switchboard was not reloaded: ${asSwitchboardError(error).message}`;
  }
}

/** Has the Switchboard that runs here serve a server again that was drained. @returns whether it was off; it never fails */
export async function serveAgain(server: string, environment: NodeJS.ProcessEnv): Promise<boolean> {
  try {
    const client = AdminClient.find({}, environment);
    const upstreams = await client.ask<{ name: string; state: string }[]>('GET', '/upstreams');
    if (!upstreams.some(({ name, state }) => name === server && state === 'off')) return false;
    await client.ask('POST', `/upstreams/${encodeURIComponent(server)}/enable`);
    return true;
  } catch {
    return false;
  }
}
