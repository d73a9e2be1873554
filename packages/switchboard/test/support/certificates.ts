/** Certificates of an authority that exists for the tests of one file, as files in a folder of its own. */
import { mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { Issuer } from '../../src/cli/issuer.ts';
import type { Issued } from '../../src/cli/issuer.ts';

export class TestAuthority {
  readonly issuer: Issuer;
  readonly folder: string = mkdtempSync(join(tmpdir(), 'switchboard-tls-'));

  private constructor(issuer: Issuer) {
    this.issuer = issuer;
  }

  static async create(): Promise<TestAuthority> {
    const authority = new TestAuthority(await Issuer.create());
    authority.write('ca.pem', authority.issuer.pem.certificate);
    authority.save('server', await authority.issuer.server(['localhost', '127.0.0.1'], 30));
    return authority;
  }

  get ca(): string {
    return this.issuer.pem.certificate;
  }

  path(name: string): string {
    return join(this.folder, name);
  }

  read(name: string): string {
    return readFileSync(this.path(name), 'utf8');
  }

  write(name: string, text: string): string {
    writeFileSync(this.path(name), text);
    return this.path(name);
  }

  save(name: string, { certificate, key }: Issued): void {
    this.write(`${name}-key.pem`, key);
    this.write(`${name}.pem`, certificate);
  }

  /** The options of a gateway that serves with one of these certificates. */
  tls(name = 'server'): { tlsCert: string; tlsKey: string } {
    return { tlsCert: this.path(`${name}.pem`), tlsKey: this.path(`${name}-key.pem`) };
  }

  /** Makes one for a client. @returns what its sockets take. */
  async client(name: string, days = 30): Promise<{ ca: string; cert: string; key: string }> {
    const { certificate: cert, key } = await this.issuer.client(name, days);
    return { ca: this.ca, cert, key };
  }
}
