/** The flags of the commands that are clients of an MCP endpoint: what they show there, and whom they trust. */
import { readFileSync, statSync } from 'node:fs';
import type { Command } from 'commander';

import { SwitchboardError } from '../protocol/errors.ts';
import { readClientTls } from '../transports/tls/client-tls.ts';
import type { ClientTls, ClientTlsFiles } from '../transports/tls/client-tls.ts';
import { usageError } from './exit.ts';

export interface ClientFlags {
  header: string[];
  tokenFile?: string;
  cert?: string;
  key?: string;
  ca?: string;
}

export const withClientFlags = (command: Command): Command =>
  command
    .option(
      '--header <name: value>',
      'a header to send along; may be repeated',
      (each: string, all: string[]) => [...all, each],
      [],
    )
    .option(
      '--token-file <file>',
      'a file that only you can read, with the key or token to send as Authorization: Bearer',
    )
    .option('--cert <file>', 'client certificate (PEM)')
    .option('--key <file>', 'its private key, as PEM')
    .option('--ca <file>', 'CA to trust instead of those of the system (PEM)');

/**
 * The headers that the flags name.
 *
 * @throws {SwitchboardError} `SWB_USAGE`; no value is repeated, it may be a secret.
 */
export function readHeaders({ header, tokenFile }: ClientFlags): Record<string, string> {
  const headers = header.map((flag): [string, string] => {
    const [, name, value] = /^([!#$%&'*+.^_`|~0-9A-Za-z-]+):\s*(.*)$/.exec(flag) ?? [];
    if (name === undefined || value === undefined) {
      throw usageError('--header: expected "Name: value"');
    }
    return [name, value];
  });
  if (tokenFile === undefined) return Object.fromEntries(headers);
  if (headers.some(([name]) => /^authorization$/i.test(name))) {
    throw usageError('--token-file: --header has an Authorization already; give one of the two');
  }
  return Object.fromEntries([...headers, ['Authorization', `Bearer ${readToken(tokenFile)}`]]);
}

/** @throws {SwitchboardError} `SWB_USAGE` when the file cannot be read, when others can read it, or when it has no token */
function readToken(path: string): string {
  let text: string;
  try {
    const { mode } = statSync(path);
    if (process.platform !== 'win32' && (mode & 0o077) !== 0) {
      throw usageError(`--token-file: others can read ${path}; run chmod 600 on it`);
    }
    text = readFileSync(path, 'utf8').trim();
  } catch (error) {
    if (error instanceof SwitchboardError) throw error;
    throw usageError(`--token-file: ${path} cannot be read (${(error as NodeJS.ErrnoException).code ?? 'unreadable'})`);
  }
  if (/^[\x21-\x7e]+$/.test(text)) return text;
  throw usageError(`--token-file: expected one key or token in ${path}`);
}

/**
 * @returns the files and what is in them; nothing where none is named.
 * @throws {SwitchboardError} `SWB_TLS_INVALID` naming the file, `SWB_USAGE` when the address is not one of TLS.
 */
export function readTls(
  url: URL,
  { cert, key, ca }: ClientFlags,
): { files: ClientTlsFiles; tls: ClientTls } | undefined {
  const files: ClientTlsFiles = {
    ...(cert !== undefined && { cert }),
    ...(key !== undefined && { key }),
    ...(ca !== undefined && { ca }),
  };
  if (Object.keys(files).length === 0) return undefined;
  if (!/^(https|wss):$/.test(url.protocol)) {
    const detail = `certificates are for https and wss, and not for ${url.protocol.slice(0, -1)}, as in ${url.origin}`;
    throw usageError(detail);
  }
  return { files, tls: readClientTls(files) };
}
