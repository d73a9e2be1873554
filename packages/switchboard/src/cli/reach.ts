/** How clients on this machine and near it reach a Switchboard: by which address, trusting whom. */
import type { X509Certificate } from 'node:crypto';
import { isIP } from 'node:net';
import { networkInterfaces } from 'node:os';
import { dirname, join } from 'node:path';
import { rootCertificates } from 'node:tls';

import type { Settings } from '../gateway/settings.ts';
import { PemFile } from '../transports/tls/pem.ts';

type Listening = Pick<Settings, 'host' | 'tlsCert' | 'tlsCa' | 'tlsClientCa' | 'allowedHosts'>;

const EVERYWHERE: ReadonlySet<string> = new Set(['0.0.0.0', '::']);
/** Where `switchboard certs` puts the authority. */
const AUTHORITY = 'ca.pem';

/** A URL that clients can use in place of one with the host that is listened on: `0.0.0.0` is no address of anything. */
export function reachable(url: string, settings: Listening): string {
  const found = new URL(url);
  const host = reachableHost(settings);
  found.hostname = isIP(host) === 6 ? `[${host}]` : host;
  return found.href;
}

/** The first name of this machine that leads to what is listened on, and that its certificate is good for. */
function reachableHost({ host, tlsCert, allowedHosts }: Listening): string {
  const networks = Object.values(networkInterfaces()).flatMap((each) => each ?? []);
  const outside = networks
    .filter(({ internal, family }) => !internal && family === 'IPv4')
    .map(({ address }) => address);
  const names = allowedHosts.filter((name) => !name.includes(':'));
  const all = EVERYWHERE.has(host) ? [...outside, '127.0.0.1', 'localhost', ...names] : [host, 'localhost', ...names];
  const [certificate] = tlsCert === '' ? [] : certificatesIn(tlsCert);
  return (certificate === undefined ? undefined : all.find((name) => isFor(certificate, name))) ?? all[0]!;
}

const isFor = (certificate: X509Certificate, name: string): boolean =>
  (isIP(name) === 0 ? certificate.checkHost(name) : certificate.checkIP(name)) !== undefined;

/** The file of the authority that clients have to be told of to trust the certificate; undefined where they know it, or where it is not found. */
export function privateAuthority({ tlsCert, tlsCa, tlsClientCa }: Listening): string | undefined {
  if (tlsCert === '') return undefined;
  const last = [...certificatesIn(tlsCert), ...(tlsCa === '' ? [] : certificatesIn(tlsCa))].at(-1);
  if (last === undefined) return undefined;
  const files = [tlsCert, tlsCa, tlsClientCa, join(dirname(tlsCert), AUTHORITY)].filter((file) => file !== '');
  return files.find((file) => certificatesIn(file).some((each) => hasIssued(each, last) && !isKnown(each)));
}

/** Those that can be read; what is wrong with a file is said where it is used. */
function certificatesIn(file: string): X509Certificate[] {
  try {
    return new PemFile('', file).certificates();
  } catch {
    return [];
  }
}

const hasIssued = (authority: X509Certificate, certificate: X509Certificate): boolean =>
  certificate.checkIssued(authority) && certificate.verify(authority.publicKey);

const isKnown = (authority: X509Certificate): boolean => rootCertificates.includes(authority.toString().trim());
