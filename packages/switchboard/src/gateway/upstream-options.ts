/** How an upstream is configured: a command, a URL, or a function that builds a server in this process. */
import { z } from 'zod';

import type { Era } from '../protocol/eras.ts';
import type { ServerFactory } from '../upstreams/in-process.ts';
import type { Isolation } from '../upstreams/pool.ts';
import type { Problem } from './options.ts';

interface Common {
  /** Who shares its members. @default the gateway's `isolation` */
  isolation?: Isolation;
  /** How many members are started ahead of need. @default the gateway's `warm` */
  warm?: number;
  /** The only era to speak to it. @default found out */
  era?: Era;
}

export interface CommandUpstream extends Common {
  command: string;
  args?: readonly string[];
  /** Variables to add to the few that every child inherits. */
  env?: Record<string, string>;
  cwd?: string;
}

export interface UrlUpstream extends Common {
  /** `http:` and `https:` for Streamable HTTP, `ws:` and `wss:` for WebSocket. */
  url: string;
  headers?: Record<string, string>;
  /** Speak the SSE transport of 2024 with it; needs the option of that name. @default false */
  sse?: boolean;
}

export interface ServerUpstream extends Common {
  /** Called for each member. */
  server: ServerFactory;
}

export type UpstreamOptions = CommandUpstream | UrlUpstream | ServerUpstream;

const strings = z.record(z.string(), z.string());
const common = {
  isolation: z.enum(['session', 'principal', 'shared']).optional(),
  warm: z.int().min(0).max(100).optional(),
  era: z.enum(['legacy', 'modern']).optional(),
};
const kinds = {
  command: z.object({
    command: z.string().min(1),
    args: z.array(z.string()).optional(),
    env: strings.optional(),
    cwd: z.string().optional(),
    ...common,
  }),
  url: z
    .object({
      url: z.url({ protocol: /^(https?|wss?)$/, error: 'expected a URL with http, https, ws or wss' }),
      headers: strings.optional(),
      sse: z.boolean().optional(),
      ...common,
    })
    .refine(({ sse, url }) => sse !== true || /^https?:/i.test(url), {
      path: ['url'],
      error: 'expected a URL with http or https for the SSE transport',
    })
    .refine(({ sse, era }) => sse !== true || era !== 'modern', {
      path: ['era'],
      error: 'the SSE transport has no modern era',
    }),
  server: z.object({
    server: z.custom((value) => typeof value === 'function', 'expected a function that builds a server'),
    ...common,
  }),
};

export const SSE_IS_OFF =
  'the SSE transport of 2024 is deprecated and not in use; give the URL of Streamable HTTP, and "type": "http", or start with --sse';

const NAME = /^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/;

/**
 * Checks one upstream. Keys that other programs' files have beside ours are left alone.
 *
 * @param sse whether the SSE transport may be used.
 */
export function checkUpstream(name: string, input: unknown, sse: boolean): Problem[] {
  const at = (path: readonly PropertyKey[], message: string): Problem => ({
    path: [name, ...path] as string[],
    message,
  });
  if (!NAME.test(name)) return [at([], 'the name must be letters, digits, dots, dashes and underscores, at most 64')];
  if (typeof input !== 'object' || input === null) return [at([], 'expected an object with a command or a url')];
  const given = (['command', 'url', 'server'] as const).filter((kind) => kind in input);
  const [kind] = given;
  if (kind === undefined || given.length > 1) {
    return [at([], `expected one of command or url, got ${given.length === 0 ? 'neither' : given.join(' and ')}`)];
  }
  if (kind === 'url' && !sse && (input as UrlUpstream).sse === true) {
    return [at(['sse'], SSE_IS_OFF)];
  }
  const parsed = kinds[kind].safeParse(input);
  return parsed.success ? [] : parsed.error.issues.map(({ path, message }) => at(path, message));
}
