import { expect, it, onTestFinished } from 'vitest';

import { Certificates } from '../../src/transports/tls/certificates.ts';
import type { Loaded } from '../../src/transports/tls/certificates.ts';
import { TestAuthority } from '../support/certificates.ts';

it('a certificate that changes between its reading and the first look at it is read again', async () => {
  const authority = await TestAuthority.create();
  const certificates = new Certificates({ ...authority.tls(), tlsCa: '', tlsClientCa: '', tlsClientCrl: '' });
  onTestFinished(() => certificates.close());
  certificates.load();
  const next = await authority.issuer.server(['other.example'], 30);
  authority.save('server', next);
  const read: Loaded[] = [];
  certificates.watch({ onLoad: (loaded) => read.push(loaded), onFailure: () => {} });
  await expect.poll(() => read.map(({ subject }) => subject), { timeout: 5000 }).toEqual(['DNS:other.example']);
});
