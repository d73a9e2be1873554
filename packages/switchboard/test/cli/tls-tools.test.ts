/** What other people's tools say of our TLS. Run where `openssl` and `curl` are installed (vitest.config.ts). */
import { beforeAll, describe, expect, it } from 'vitest';

import { certs, own, path, run, serve } from '../support/tls-cli.ts';

beforeAll(async () => {
  await certs('--client', 'alice@example.com');
});

describe('openssl and curl', () => {
  it('verify the certificates that were made, and the list of those that were revoked', async () => {
    const { stdout } = await run('openssl', [
      'verify',
      '-x509_strict',
      '-CAfile',
      path('ca.pem'),
      path('server.pem'),
      path('alice@example.com.pem'),
    ]);
    expect(stdout.match(/: OK/g)).toHaveLength(2);
    await certs('--client', 'mallory', '--revoke', 'mallory');
    const check = ['verify', '-crl_check', '-CRLfile', path('revoked.pem'), '-CAfile', path('ca.pem')];
    await run('openssl', [...check, path('alice@example.com.pem')]);
    await expect(run('openssl', [...check, path('mallory.pem')])).rejects.toThrow(/revoked/);
  });

  it('agree with Switchboard on HTTP/2 and TLS 1.3, and are refused without the certificate of a client', async () => {
    const { http } = await serve([
      ...own(),
      '--tls-client-ca',
      path('ca.pem'),
      '--tls-client-crl',
      path('revoked.pem'),
    ]);
    const health = new URL('/healthz', http);
    const trust = ['-sS', '--cacert', path('ca.pem'), '-w', '%{http_version} %{http_code}', '-o', '/dev/null'];
    const alice = ['--cert', path('alice@example.com.pem'), '--key', path('alice@example.com-key.pem')];
    expect((await run('curl', [...trust, ...alice, '--http2', health.href])).stdout).toBe('2 200');
    expect((await run('curl', [...trust, ...alice, '--http1.1', health.href])).stdout).toBe('1.1 200');
    await expect(run('curl', [...trust, '--http2', health.href])).rejects.toThrow();
    const client = run('openssl', [
      's_client',
      '-connect',
      health.host,
      '-CAfile',
      path('ca.pem'),
      '-verify_return_error',
      '-alpn',
      'h2',
      ...alice,
    ]);
    client.child.stdin!.end();
    const { stdout } = await client;
    expect(stdout).toContain('ALPN protocol: h2');
    expect(stdout).toContain('Verify return code: 0 (ok)');
    expect(stdout).toContain('TLSv1.3');
  });
});
