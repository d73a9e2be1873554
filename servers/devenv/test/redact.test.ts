import { describe, expect, it } from 'vitest';
import { Redactor } from '../src/redact.ts';

describe('secrets', () => {
  const redactor = new Redactor({
    DB_PASSWORD: 'correct horse',
    API_TOKEN: 'short',
    HOME: '/home/ann/with-a-long-name',
  });

  it.each([
    ['postgres://ann:pw@db:5432/x', 'postgres://[redacted]@db:5432/x'],
    ['https://token@example.com/x', 'https://[redacted]@example.com/x'],
    ['PASSWORD=hunter2 next', 'PASSWORD=[redacted] next'],
    ['db_password: "a b" next', 'db_password: [redacted] next'],
    ['{"apiKey":"abc","port":1}', '{"apiKey":[redacted],"port":1}'],
    ['Authorization: Bearer abc.def', 'Authorization: Bearer [redacted]'],
    ['ghp_abcdefghijklmnop1234 x', '[redacted] x'],
    ['key AKIAABCDEFGHIJKLMNOP.', 'key [redacted].'],
    ['eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2ln', '[redacted]'],
    ['-----BEGIN RSA PRIVATE KEY-----\nabc\n-----END RSA PRIVATE KEY-----\nx', '[redacted]\nx'],
    ['-----BEGIN PRIVATE KEY-----\ncut off', '[redacted]'],
    ['it says correct horse here', 'it says [redacted] here'],
  ])('are taken out of %j', (text, clean) => {
    expect(redactor.text(text)).toBe(clean);
  });

  it.each([
    'token-service:latest',
    'src/password.ts',
    'short',
    '/home/ann/with-a-long-name',
    'http://example.com/a@b',
    'a secret',
  ])('are not seen in %j', (text) => {
    expect(redactor.text(text)).toBe(text);
  });

  it('are taken out of data, however deep', () => {
    expect(redactor.data({ a: [{ b: 'TOKEN=x' }], c: 1, d: null, e: true })).toEqual({
      a: [{ b: 'TOKEN=[redacted]' }],
      c: 1,
      d: null,
      e: true,
    });
  });

  it('are looked for in linear time', () => {
    const startedAt = performance.now();
    for (const part of ['a', 'token', '://', 'password ', 'eyJ', 'a-', ' =', '-----BEGIN ']) {
      redactor.text(part.repeat(Math.ceil(500_000 / part.length)));
    }
    expect(performance.now() - startedAt).toBeLessThan(5_000);
  });
});
