/** How `serve` tells where it serves: to people on stdout, to the other commands of the same user in a file. */
import type { AccessOptions } from '../gateway/access-options.ts';
import type { Address } from '../gateway/addresses.ts';
import type { Settings } from '../gateway/settings.ts';
import { isLoopback } from '../util/address.ts';
import { banner } from './banner.ts';
import { reachable } from './reach.ts';
import { announceRun } from './run-file.ts';

/** Where something serves. */
export interface Serving {
  addresses: readonly Address[];
  adminUrl?: string | undefined;
  /** A link to the console that is good once. */
  console?: string | undefined;
}

export interface AnnouncementOptions extends Serving {
  settings: Settings;
  access: AccessOptions;
  adminToken: string | undefined;
  /** The token that was made at this start. */
  newToken: string | undefined;
}

/** What it has written down is removed when this process ends. */
export function announce({
  addresses,
  adminUrl,
  adminToken,
  newToken,
  console: link,
  ...how
}: AnnouncementOptions): void {
  const { settings, access } = how;
  if (newToken !== undefined) {
    process.stderr.write(`switchboard: the token of this start, shown once: export SWITCHBOARD_TOKEN=${newToken}\n`);
  }
  const [{ http, websocket } = {}] = addresses;
  const served = http ?? websocket;
  const port = served === undefined ? undefined : Number(new URL(served).port);
  process.once('exit', announceRun(process.env, { url: adminUrl, token: adminToken, port }));
  // That belongs to the client.
  if (settings.transport.includes('stdio')) return;
  const { isTTY: isTerminal } = process.stdout;
  // One that is for this machine alone stays what it is.
  const isLocal = link !== undefined && isLoopback(new URL(link).hostname) && !isLoopback(settings.host);
  const console = link === undefined || isLocal ? link : reachable(link, settings);
  process.stdout.write(banner({ addresses, settings, access, console, isTerminal }));
}
