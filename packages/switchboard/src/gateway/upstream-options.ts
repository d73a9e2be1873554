/** How an upstream is configured: a command, a URL, or a function that builds a server in this process. */
import { z } from 'zod';

import type { Era } from '../protocol/eras.ts';
import { isLoopback } from '../util/address.ts';
import type { ClientTlsFiles } from '../transports/tls/client-tls.ts';
import type { ClientTokenOptions } from '../upstreams/client-token.ts';
import type { ServerFactory } from '../upstreams/in-process.ts';
import type { ViewRules } from '../router/view.ts';
import type { Rules } from '../router/rules.ts';
import type { Isolation } from '../upstreams/member-key.ts';
import { didYouMean } from '../util/nearest.ts';
import type { Duration, Size } from '../util/units.ts';
import { duration, oneOf, size, variableName } from './option-types.ts';
import type { Fields } from './option-types.ts';
import type { Problem } from './options.ts';

/** What every upstream can have, however it is reached. */
export interface CommonOptions extends ViewRules {
  /** Who shares its members. @default the gateway's `isolation` */
  isolation?: Isolation;
  /** How many members it has with isolation `pool`. @default 2 */
  members?: number;
  /**
   * How many nodes of a cluster run the members of isolation `shared`, `principal` and `pool`, and those of isolation `session` that modern
   * clients have over HTTP: `one`, which the others reach through it; or `each`, for servers that keep no state. Without a cluster, and for a
   * server at a URL, it has no effect.
   *
   * @default 'one'
   */
  placement?: 'one' | 'each';
  /** After so many requests a member that is shared is replaced. @default never */
  maxRequests?: number;
  /** At this age a member that is shared is replaced, as `90s` or `12h`. @default never */
  maxAge?: Duration;
  /** How many of its requests run at a time. @default the gateway's `maxConcurrent` */
  maxConcurrent?: number;
  /** How long its requests may go without an answer or a progress note. @default the gateway's `requestTimeout` */
  requestTimeout?: Duration;
  /** The same for calls of single tools, by name. */
  timeouts?: Readonly<Record<string, Duration>>;
  /** How many members are started ahead of need. @default the gateway's `warm` */
  warm?: number | 'auto';
  /**
   * Whether each request tells it who is calling, in `_meta["switchboard/context"]`.
   *
   * @default true for a server in this process, false for others
   */
  context?: boolean;
  /** The only era to speak to it. @default found out */
  era?: Era;
}

/** A server that is started as a child process and speaks MCP on stdin and stdout. */
export interface CommandUpstream extends CommonOptions {
  /** The program, without its arguments; looked up in `PATH` of the `environment`. */
  command: string;
  /** Its arguments. @default [] */
  args?: readonly string[];
  /** Variables to add to those that it inherits. `${caller.header:X-Key}` is what the caller brings. */
  env?: Record<string, string>;
  /** Variables of Switchboard's environment to inherit as well; `*` stands for any characters. @default the gateway's `inheritEnv` alone */
  inheritEnv?: readonly string[];
  /** The working directory. @default that of this process */
  cwd?: string;
  /** How much memory a member and what it started may use, as `512MiB`; then it is replaced. Linux only. @default unlimited */
  maxMemory?: Size;
}

/** A server that runs elsewhere and speaks MCP over Streamable HTTP or WebSocket. */
export interface UrlUpstream extends CommonOptions {
  /** `http:` and `https:` for Streamable HTTP, `ws:` and `wss:` for WebSocket. */
  url: string;
  /** Headers of every request to it. `${caller.header:X-Key}` is what the caller brings. */
  headers?: Record<string, string>;
  /**
   * How Switchboard gets a token for the server: by the client credentials of OAuth 2 (RFC 6749, section 4.4). Streamable HTTP only.
   */
  oauth?: ClientTokenOptions;
  /**
   * What is shown and trusted in the handshake of TLS, as files of PEM: `cert` and `key` for a server that asks who its clients are,
   * `ca` in place of the authorities that are known. Read at each connection.
   */
  tls?: ClientTlsFiles;
  /** Speak the SSE transport of 2024 with it; needs the option of that name. @default false */
  sse?: boolean;
  /** WebSocket only: whether a server is refused that selects no subprotocol. @default 'optional' */
  subprotocol?: 'optional' | 'required';
}

/** A server in this process. */
export interface ServerUpstream extends CommonOptions {
  /** Builds a server of the official SDK; called once for each member, so it returns a new server each time. */
  server: ServerFactory;
}

/** An MCP server behind the gateway: a command, a URL, or a function that builds a server in this process. */
export type UpstreamOptions = CommandUpstream | UrlUpstream | ServerUpstream;

/** These are meant for Switchboard itself: a client's token must not be handed on (MCP, Security Best Practices). */
const OWN_HEADERS: ReadonlySet<string> = new Set(['authorization', 'cookie', 'proxy-authorization']);
const CALLER = /\$\{caller\.([^}]*)\}/g;

/** Texts in which values of the caller may have a place. */
const callerTexts = z
  .record(
    z.string(),
    z.string().superRefine((text, context) => {
      for (const [whole, inside = ''] of text.matchAll(CALLER)) {
        const [, kind, name = ''] = /^(header|claim):([\w.:/-]+)$/.exec(inside) ?? [];
        if (kind === undefined) {
          const message = `${whole} is not known; use \${caller.header:X-Name} or \${caller.claim:name}`;
          context.addIssue({ code: 'custom', message });
        } else if (kind === 'header' && OWN_HEADERS.has(name.toLowerCase())) {
          const message = `${whole}: ${name} is for Switchboard itself and not handed on; let callers send a header of its own`;
          context.addIssue({ code: 'custom', message });
        }
      }
    }),
  )
  .superRefine((texts, context) => {
    for (const name of Object.keys(texts)) {
      if (!name.includes('${caller.')) continue;
      context.addIssue({
        code: 'custom',
        path: [name],
        message: 'a value of the caller can stand in a value, not in a name',
      });
    }
  });
const strings = z.record(z.string(), z.string());
const file = z.string().min(1);
const rules = z.strictObject({
  allow: z.array(z.string()).optional(),
  deny: z.array(z.string()).optional(),
} satisfies Fields<Rules>);
const common = {
  isolation: oneOf('session', 'principal', 'shared', 'pool').optional(),
  members: z.int().min(1).max(100).optional(),
  placement: oneOf('one', 'each').optional(),
  maxRequests: z.int().min(1).optional(),
  maxAge: duration.optional(),
  maxConcurrent: z.int().min(1).optional(),
  requestTimeout: duration.optional(),
  timeouts: z.record(z.string(), duration).optional(),
  warm: z.union([z.literal('auto'), z.int().min(0).max(100)]).optional(),
  context: z.boolean().optional(),
  era: oneOf('legacy', 'modern').optional(),
  tools: rules.optional(),
  prompts: rules.optional(),
  resources: rules.optional(),
  describe: strings.optional(),
} satisfies Fields<CommonOptions>;
const kinds = {
  command: z.strictObject({
    command: z.string().min(1),
    args: z.array(z.string()).optional(),
    env: callerTexts.optional(),
    inheritEnv: z.array(variableName).optional(),
    cwd: z.string().optional(),
    maxMemory: size.optional(),
    ...common,
  } satisfies Fields<CommandUpstream>),
  url: z
    .strictObject({
      url: z.url({ protocol: /^(https?|wss?)$/, error: 'expected a URL with http, https, ws or wss' }),
      headers: callerTexts.optional(),
      oauth: z
        .strictObject({
          tokenUrl: z
            .url({ protocol: /^https?$/, error: 'expected a URL with https' })
            .refine(
              (url) => /^https:/i.test(url) || isLoopback(new URL(url).hostname),
              'expected https, as a secret is sent there',
            ),
          clientId: z.string().min(1),
          clientSecret: z.string().min(1),
          scope: z.string().optional(),
          audience: z.string().optional(),
        } satisfies Fields<ClientTokenOptions>)
        .optional(),
      tls: z
        .strictObject({
          cert: file.optional(),
          key: file.optional(),
          ca: file.optional(),
        } satisfies Fields<ClientTlsFiles>)
        .refine(
          ({ cert, key }) => (cert === undefined) === (key === undefined),
          'a certificate is shown with its key; give both',
        )
        .optional(),
      sse: z.boolean().optional(),
      subprotocol: oneOf('optional', 'required').optional(),
      ...common,
    } satisfies Fields<UrlUpstream>)
    .refine(({ tls, url }) => tls === undefined || /^(https|wss):/i.test(url), {
      path: ['tls'],
      error: 'the url speaks no TLS; it must be https or wss',
    })
    .refine(({ subprotocol, url }) => subprotocol === undefined || /^wss?:/i.test(url), {
      path: ['subprotocol'],
      error: 'only a WebSocket has one; the url must be ws or wss',
    })
    .refine(({ sse, url }) => sse !== true || /^https?:/i.test(url), {
      path: ['url'],
      error: 'expected a URL with http or https for the SSE transport',
    })
    .refine(({ oauth, sse, url }) => oauth === undefined || (sse !== true && /^https?:/i.test(url)), {
      path: ['oauth'],
      error: 'a token is got for Streamable HTTP only',
    })
    .refine(
      ({ oauth, headers }) =>
        oauth === undefined || !Object.keys(headers ?? {}).some((name) => /^authorization$/i.test(name)),
      {
        path: ['oauth'],
        error: 'headers has an Authorization already; give one of the two',
      },
    )
    .refine(({ sse, era }) => sse !== true || era !== 'modern', {
      path: ['era'],
      error: 'the SSE transport has no modern era',
    }),
  server: z.strictObject({
    server: z.custom<ServerFactory>((value) => typeof value === 'function', 'expected a function that builds a server'),
    ...common,
  } satisfies Fields<ServerUpstream>),
};

/** Keys of the blocks within an upstream. */
const NESTED_KEYS = ['allow', 'deny', 'cert', 'key', 'ca', 'tokenUrl', 'clientId', 'clientSecret', 'scope', 'audience'];

export const SSE_IS_OFF =
  'the SSE transport of 2024 is deprecated and not in use; give the URL of Streamable HTTP, and "type": "http", or start with --sse';

/** The name of an upstream. */
export const NAME: RegExp = /^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/;

/** Every key of any kind of upstream, with the kinds that have it. */
const KEYS: ReadonlyMap<string, readonly string[]> = Object.entries(kinds).reduce((keys, [kind, { shape }]) => {
  for (const key of Object.keys(shape)) keys.set(key, [...(keys.get(key) ?? []), kind]);
  return keys;
}, new Map<string, string[]>());

/** Whether an upstream of some kind has this key. */
export const isUpstreamKey = (key: string): boolean => KEYS.has(key);

/** What is wrong with a key that an upstream does not have: a rule under a name that nobody reads would not hold. */
function unknownKey(key: string, kind: string, known: readonly string[]): string {
  const [other] = KEYS.get(key) ?? [];
  if (known.length === 0 && other !== undefined) return `this is for a server with a ${other}, and here is a ${kind}`;
  const candidates =
    known.length > 0 ? known : [...KEYS].flatMap(([name, kinds]) => (kinds.includes(kind) ? [name] : []));
  return `unknown key.${didYouMean(key, candidates)}`;
}

/**
 * Checks one upstream.
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
  if (parsed.success) return [];
  return parsed.error.issues.flatMap((issue) => {
    const { path, message } = issue;
    if (issue.code !== 'unrecognized_keys') return [at(path, message)];
    const known = path.length === 0 ? [] : NESTED_KEYS;
    return issue.keys.map((key) => at([...path, key], unknownKey(key, kind, known)));
  });
}
