import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Command } from 'commander';

import { SwitchboardError } from '../protocol/errors.ts';
import { usageError } from './exit.ts';
import type { Issued, Issuer } from './issuer.ts';

const HELP = `
Examples:
  switchboard certs                                  an authority, and a certificate for this machine's server
  switchboard certs --host mcp.example.com           for a server that is reached by this name too
  switchboard certs --client alice@example.com       also one for a client
  switchboard certs --revoke alice@example.com       puts the client on the list of those that are refused

Files that are there already are kept. The authority is for development and for your own machines: whoever has ca-key.pem
can make certificates that all who trust it will accept.`;

/** What every server on this machine can be called. */
const OWN_NAMES = ['localhost', '127.0.0.1', '::1'];
/** Some clients take none that are good for longer. */
const DEFAULT_DAYS = '397';

interface Flags {
  out: string;
  host: string[];
  client: string[];
  revoke: string[];
  days: string;
  renew?: boolean;
}

const collect = (each: string, all: string[]): string[] => [...all, each];

export function certsCommand(): Command {
  return new Command('certs')
    .description('Create TLS certificates for development: a CA, and server and client certificates that it signs.')
    .option('--out <folder>', 'where to write them', 'certs')
    .option(
      '--host <name>',
      'a name or an address of the server, besides those of this machine; may be repeated',
      collect,
      [],
    )
    .option('--client <name>', 'make one for a client of this name; may be repeated', collect, [])
    .option('--revoke <name>', 'revoke that of a client; may be repeated', collect, [])
    .option('--days <number>', 'how long they are good for', DEFAULT_DAYS)
    .option('--renew', 'replace the server certificate')
    .addHelpText('after', HELP)
    .action(makeCertificates);
}

async function makeCertificates({ out, host, client, revoke, days, renew = false }: Flags): Promise<void> {
  const count = Number(days);
  if (!Number.isInteger(count) || count < 1 || count > 3650) {
    throw usageError(`--days: expected 1 to 3650, got ${days}`);
  }
  for (const name of [...client, ...revoke]) checkName(name);
  // Loaded only here: no other command makes certificates.
  const { Issuer: Authority } = await import('./issuer.ts');
  mkdirSync(out, { recursive: true, mode: 0o700 });
  const path = (name: string): string => join(out, name);
  const written: string[] = [];
  const save = (name: string, { certificate, key }: Issued): void => {
    write(path(`${name}-key.pem`), key);
    write(path(`${name}.pem`), certificate);
    written.push(path(`${name}.pem`), path(`${name}-key.pem`));
  };

  const hasAuthority = existsSync(path('ca.pem'));
  const issuer: Issuer = hasAuthority
    ? await Authority.from({ certificate: read(path('ca.pem')), key: read(path('ca-key.pem')) })
    : await Authority.create();
  if (!hasAuthority) save('ca', issuer.pem);
  if (renew || !existsSync(path('server.pem'))) save('server', await issuer.server([...host, ...OWN_NAMES], count));
  else if (host.length > 0) {
    const detail = `--host: ${path('server.pem')} is there already; use --renew to replace it`;
    throw usageError(detail);
  }
  for (const name of client) {
    if (existsSync(path(`${name}.pem`))) {
      const detail = `--client: ${path(`${name}.pem`)} is there already; revoke it and move it away to make another`;
      throw usageError(detail);
    }
    save(name, await issuer.client(name, count));
  }
  const crl = path('revoked.pem');
  if (revoke.length > 0 || (client.length > 0 && !existsSync(crl))) {
    const older = existsSync(crl) ? read(crl) : undefined;
    write(
      crl,
      await issuer.revoke(
        revoke.map((name) => read(path(`${name}.pem`))),
        older,
      ),
    );
    written.push(crl);
  }
  process.stdout.write(report(path, written, client, existsSync(crl)));
}

/** A name becomes a file's. */
function checkName(name: string): void {
  if (
    /^[A-Za-z0-9][\w.@-]{0,63}$/.test(name) &&
    !['ca', 'server', 'revoked'].includes(name) &&
    !name.endsWith('-key')
  ) {
    return;
  }
  const detail = `${JSON.stringify(name)}: expected letters, digits, dots, dashes and @, at most 64, and not ca, server or revoked`;
  throw usageError(detail);
}

function read(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (cause) {
    throw new SwitchboardError('SWB_CONFIG_INVALID', { detail: `${file}: ${(cause as Error).message}`, cause });
  }
}

/** For the owner alone. */
const write = (file: string, text: string): void => writeFileSync(file, text, { mode: 0o600 });

function report(
  path: (name: string) => string,
  written: readonly string[],
  clients: readonly string[],
  isMutual: boolean,
): string {
  const ca = path('ca.pem');
  const call = `switchboard call https://localhost:8765/mcp --ca ${ca}`;
  const shown = clients.map((name) => {
    const [cert, key] = [path(`${name}.pem`), path(`${name}-key.pem`)];
    return `Call it as ${name}:\n  ${call} --cert ${cert} --key ${key}\n\n`;
  });
  const serve = [
    `--tls-cert ${path('server.pem')} --tls-key ${path('server-key.pem')}`,
    ...(isMutual ? [`--tls-client-ca ${ca} --tls-client-crl ${path('revoked.pem')}`] : []),
  ].join(' ');
  const files = written.length === 0 ? '  nothing: all of it was there' : written.map((file) => `  ${file}`).join('\n');
  return `Written:
${files}

Serve with it:   switchboard serve ${serve} -- node server.js

${shown.join('')}Let clients trust it:
  Switchboard    ${call}
  Node           NODE_EXTRA_CA_CERTS=${ca} node client.js
  curl           curl --cacert ${ca} https://localhost:8765/healthz
  Debian, Ubuntu sudo cp ${ca} /usr/local/share/ca-certificates/switchboard.crt && sudo update-ca-certificates
  macOS          sudo security add-trusted-cert -d -r trustRoot -k /Library/Keychains/System.keychain ${ca}
  Windows        certutil -addstore -user Root ${ca}

Keep ${path('ca-key.pem')} to yourself.
`;
}
