/** How `serve` tells where it serves: to people on stdout, to the other commands of the same user in a file. */
import { basename } from 'node:path';

import type { AccessOptions } from '../gateway/access-options.ts';
import type { Address } from '../gateway/addresses.ts';
import type { Settings } from '../gateway/settings.ts';
import { isLoopback } from '../util/address.ts';
import type { UpstreamOptions } from '../gateway/upstream-options.ts';
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
  upstreams: Readonly<Record<string, UpstreamOptions>>;
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
  upstreams,
  ...how
}: AnnouncementOptions): void {
  const { settings, access } = how;
  if (newToken !== undefined) {
    process.stderr.write(`switchboard: the token of this start, shown once: export SWITCHBOARD_TOKEN=${newToken}\n`);
  }
  const [{ http, websocket } = {}] = addresses;
  const served = http ?? websocket;
  const port = served === undefined ? undefined : Number(new URL(served).port);
  const servers = Object.entries(upstreams).map(([name, options]) => describeUpstream(name, options));
  process.once('exit', announceRun(process.env, { url: adminUrl, token: adminToken, port, servers }));
  // That belongs to the client.
  if (settings.transport.includes('stdio')) return;
  const { isTTY: isTerminal } = process.stdout;
  // One that is for this machine alone stays what it is.
  const isLocal = link !== undefined && isLoopback(new URL(link).hostname) && !isLoopback(settings.host);
  const console = link === undefined || isLocal ? link : reachable(link, settings);
  process.stdout.write(banner({ addresses, settings, access, console, isTerminal }));
}

/** Programs that run a script or a package, which says what it is. */
const RUNNERS = /^(?:node|npx|tsx|bun|bunx|deno|uvx|uv|python[\d.]*)(?:\.\w+)?$/;
/** A path or the name of a package: other words may be secret. */
const SCRIPT = /^\/?(?:@?[\w.-]+\/)*@?[\w.@-]{1,60}$/;

/** A server as people know it: its name, and what runs. */
function describeUpstream(name: string, upstream: UpstreamOptions): string {
  if (!('command' in upstream)) return name;
  const program = basename(upstream.command);
  const script = RUNNERS.test(program) ? upstream.args?.find((word) => !word.startsWith('-')) : undefined;
  const named = script !== undefined && SCRIPT.test(script) ? ` ${basename(script)}` : '';
  return `${name} (${program}${named})`;
}
