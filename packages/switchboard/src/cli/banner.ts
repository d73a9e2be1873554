/** What `serve` prints once it serves: its addresses, and commands and an entry for clients that work as they are pasted. */
import { resolve } from 'node:path';

import type { Address } from '../gateway/addresses.ts';
import type { AccessOptions } from '../gateway/access-options.ts';
import type { Settings } from '../gateway/settings.ts';
import { ANONYMOUS_ROLE } from '../router/roles.ts';
import { PROGRAM, ownCommand, quoted } from './own-command.ts';
import { privateAuthority, reachable } from './reach.ts';

export interface Serving {
  addresses: readonly Address[];
  settings: Settings;
  access: AccessOptions;
  /** A link to the console that is good once; absent where there is none. */
  console?: string | undefined;
  /** Whether only whoever started it reads along: a log must not hold what signs in. */
  isTerminal: boolean;
}

/** What a client has to show, with variables in place of secrets. */
interface Shown {
  /** For people: what the variables stand for. */
  note: string;
  /** The variable with a key or token. */
  variable?: string;
  /** Whether it is a certificate. */
  isCertificate?: boolean;
}

export function banner({ addresses, settings, access, console: link, isTerminal }: Serving): string {
  const found = addresses.map(({ upstream, ...urls }): Address => {
    const all = Object.entries(urls).map(([kind, url]) => [kind, reachable(url, settings)]);
    return { upstream, ...Object.fromEntries(all) };
  });
  const lines = found.flatMap(({ upstream, websocket, http, sse }) => [
    ...(found.length > 1 ? [`  ${upstream === '*' ? 'all of them as one' : upstream}`] : []),
    ...(websocket === undefined ? [] : [`  WebSocket  ${websocket}`]),
    ...(http === undefined ? [] : [`  HTTP       ${http}`]),
    ...(sse === undefined ? [] : [`  SSE        ${sse}`]),
  ]);
  if (link !== undefined) lines.push(`  Console    ${isTerminal ? link : link.split('/#')[0]}`);
  // All servers as one, or the only one.
  const first = found.at(-1);
  const name = first?.upstream === '*' ? 'switchboard' : (first?.upstream ?? 'default');
  const url = first?.http ?? first?.websocket ?? '';
  const shown = shownBy(settings, access);
  const authority = privateAuthority(settings);
  const flags = shellFlags(shown, authority);
  const command = ownCommand();
  const entry = JSON.stringify(entryOf(first, shown, authority));
  return `Switchboard is serving, for up to ${settings.maxConnections} clients:

${lines.join('\n')}
${shown === undefined ? '' : `\n${shown.note}\n`}
Try it:             ${command} call ${url}${flags}
In a client's file: { "mcpServers": { "${name}": ${entry} } }
For a client that only speaks stdio: ${command} connect ${first?.websocket ?? url}${flags}
${link === undefined ? '' : `To sign in at the console: ${command} console\n`}
Ctrl-C ends it.
`;
}

/** What clients have to show; undefined where nothing is needed. Keys are not known here, and tokens must not be printed again. */
function shownBy(settings: Settings, { jwt, roles = {} }: AccessOptions): Shown | undefined {
  const { keysFile, token, tlsClientCa } = settings;
  if (tlsClientCa !== '') {
    const note = `Clients show a certificate of ${tlsClientCa}: CLIENT_CERT and CLIENT_KEY below are its file and that of its key.`;
    return { note, isCertificate: true };
  }
  if (Object.hasOwn(roles, ANONYMOUS_ROLE)) return undefined;
  if (token !== '') {
    const whose = token === 'auto' ? 'the token of this start, which is shown above' : 'the token of SWITCHBOARD_TOKEN';
    return { note: `Clients show ${whose}; SWITCHBOARD_TOKEN below is it.`, variable: 'SWITCHBOARD_TOKEN' };
  }
  if (keysFile !== '') {
    const note = `Clients show a key of ${keysFile}; SWITCHBOARD_KEY below is one, as "keys create" prints it.`;
    return { note, variable: 'SWITCHBOARD_KEY' };
  }
  if (jwt === undefined) return undefined;
  return { note: `Clients show a token of ${jwt.issuer}; ACCESS_TOKEN below is one.`, variable: 'ACCESS_TOKEN' };
}

function shellFlags(shown: Shown | undefined, authority: string | undefined): string {
  return [
    ...(shown?.variable === undefined ? [] : [`--header "Authorization: Bearer $${shown.variable}"`]),
    ...(authority === undefined ? [] : [`--ca ${quoted(authority)}`]),
    ...(shown?.isCertificate === true ? ['--cert "$CLIENT_CERT" --key "$CLIENT_KEY"'] : []),
  ]
    .map((flag) => ` ${flag}`)
    .join('');
}

/** The entry for a client's file. Clients take an address, but neither an authority nor a certificate: there `connect` has them. */
function entryOf(address: Address | undefined, shown: Shown | undefined, authority: string | undefined): object {
  const { http, websocket = http ?? '' } = address ?? {};
  const bearer = shown?.variable === undefined ? undefined : `Bearer \${${shown.variable}}`;
  if (http !== undefined && authority === undefined && shown?.isCertificate !== true) {
    return { type: 'http', url: http, ...(bearer !== undefined && { headers: { Authorization: bearer } }) };
  }
  const args = [
    ...(bearer === undefined ? [] : ['--header', `Authorization: ${bearer}`]),
    ...(authority === undefined ? [] : ['--ca', resolve(authority)]),
    ...(shown?.isCertificate === true ? ['--cert', '${CLIENT_CERT}', '--key', '${CLIENT_KEY}'] : []),
  ];
  // A client starts it wherever it likes, so the paths are whole.
  return { command: process.execPath, args: [PROGRAM, 'connect', websocket, ...args] };
}
