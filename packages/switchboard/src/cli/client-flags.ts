/** The flags of the commands that are clients of an MCP endpoint: what they show there, and whom they trust. */
import type { Command } from 'commander';

import { readClientTls } from '../transports/tls/client-tls.ts';
import type { ClientTls, ClientTlsFiles } from '../transports/tls/client-tls.ts';
import { usageError } from './exit.ts';

export interface ClientFlags {
  header: string[];
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
    .option('--cert <file>', 'client certificate (PEM)')
    .option('--key <file>', 'its private key, as PEM')
    .option('--ca <file>', 'CA to trust instead of those of the system (PEM)');

/** Reads `Name: value` flags. @throws {SwitchboardError} `SWB_USAGE`; the value is not repeated, it may be a secret. */
export function readHeaders({ header }: ClientFlags): Record<string, string> {
  return Object.fromEntries(
    header.map((flag) => {
      const [, name, value] = /^([!#$%&'*+.^_`|~0-9A-Za-z-]+):\s*(.*)$/.exec(flag) ?? [];
      if (name === undefined || value === undefined) {
        throw usageError('--header: expected "Name: value"');
      }
      return [name, value];
    }),
  );
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
