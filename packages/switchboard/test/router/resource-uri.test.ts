/** No spelling of a URI gets past a rule, however carelessly a server reads what is sent on. */
import { posix } from 'node:path';
import { array, assert, constantFrom, oneof, property, tuple } from 'fast-check';
import { describe, expect, it } from 'vitest';

import { resourceRules } from '../../src/router/resource-rules.ts';
import { readResourceUri } from '../../src/router/resource-uri.ts';

const decode = (text: string): string => {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
};
const pathOf = (uri: string): string => uri.replace(/^[a-z][a-z\d+.-]*:(\/\/[^/]*)?/i, '');
const url = (uri: string): string => (URL.canParse(uri) ? new URL(uri).pathname : '');

/** What servers make of a URI to find a file. */
const READERS: Readonly<Record<string, (uri: string) => string>> = {
  'as it is': pathOf,
  decoded: (uri) => decode(pathOf(uri)),
  'decoded before it is taken apart': (uri) => pathOf(decode(uri)),
  'decoded twice': (uri) => decode(decode(pathOf(uri))),
  'by the URL parser': url,
  'by the URL parser, decoded': (uri) => decode(url(uri)),
  'decoded, then by the URL parser': (uri) => url(decode(uri)),
  'split at slashes': (uri) => `/${uri.split('/').slice(1).filter(Boolean).join('/')}`,
  'split and decoded': (uri) => `/${uri.split('/').slice(1).filter(Boolean).map(decode).join('/')}`,
  'without a query': (uri) => decode(pathOf(uri.split(/[?#]/, 1)[0]!)),
  'without the scheme': (uri) => uri.replace(/^[a-z]+:\/*/i, '/'),
  'without the scheme, decoded': (uri) => decode(uri.replace(/^[a-z]+:\/*/i, '/')),
};

const piece = oneof(
  {
    weight: 6,
    arbitrary: constantFrom('srv', 'secret', 'public', 'x.txt', '/', '//', '..', '.', '/../', '/./', ''),
  },
  {
    weight: 4,
    arbitrary: constantFrom('%2f', '%2F', '%2e', '%2E%2e', '%252e', '%252f', '%25', '%5c', '\\', '%', '%00'),
  },
  {
    weight: 3,
    arbitrary: constantFrom('%73ecret', 'secre%74', '%2573ecret', '?', '#', '?x=', '%3f', '%23', ';', '@', ':'),
  },
);
const step = constantFrom('srv/', 'public/', '../', '..%2f', '/', './', 'secret/', '%73ecret%2f', 'pub%6cic/', '%2F');
const start = constantFrom(
  'file:///',
  'file://localhost/',
  'FILE:///',
  'file:/',
  'file:',
  'file://host/',
  'file:////',
  'file:///srv/public/',
);
const uris = oneof(
  tuple(start, array(piece, { minLength: 1, maxLength: 14 })).map(([head, rest]) => head + rest.join('')),
  tuple(start, array(step, { maxLength: 8 })).map(([head, rest]) => `${head}${rest.join('')}x.txt`),
);
const isBelow = (folder: string, path: string): boolean => `${posix.normalize(path)}/`.startsWith(folder);

/** Every URI that passes is sent on as it was judged, and no server reads it in a way that must not be. */
function holds(passes: (uri: string) => boolean, mayBe: (path: string) => boolean): number {
  let passed = 0;
  assert(
    property(uris, (text) => {
      if (!passes(text)) return;
      passed++;
      const { canonical } = readResourceUri(text)!;
      for (const [how, read] of Object.entries(READERS))
        expect([how, text, mayBe(read(canonical))]).toEqual([how, text, true]);
      expect([text, readResourceUri(canonical)?.canonical, passes(canonical)]).toEqual([text, canonical, true]);
    }),
    { numRuns: 5000, seed: 20_261_129 },
  );
  return passed;
}

describe('a rule', () => {
  const passes = resourceRules({ deny: ['file:///srv/secret/*', 'file:///srv/secret'] });

  it('that denies a folder holds for every spelling that some server would read as a file of it', () => {
    expect(holds(passes, (path) => !isBelow('/srv/secret/', path))).toBeGreaterThan(500);
  });

  it('that allows a folder lets nothing through that some server would read as a file of another', () => {
    const allows = resourceRules({ allow: ['file:///srv/public/*'] });
    expect(holds(allows, (path) => isBelow('/srv/public/', path))).toBeGreaterThan(100);
  });

  it.each([
    'file:///srv/public/..%2fsecret%2fx.txt?%',
    'file:///srv/public//../secret/x.txt',
    'file:///srv//secret/x.txt',
    'file:///srv/secre%74/x.txt',
    'file:///srv/%2573ecret/x.txt',
    'file:///srv/public/%252e%252e/secret/x.txt',
    'file:///srv/public/x?/../../secret/x.txt',
    'file:///srv/secret/x.txt?y',
    'file:///srv/secret/',
    'file:srv/secret/x.txt',
    'file://anywhere/srv/secret/x.txt',
    'FILE://LOCALHOST/srv/secret/x.txt',
    'file:///srv/public/..\\secret\\x.txt',
    'file:///srv/sec\tret/x.txt',
    ' file:///srv/secret/x.txt',
    'file:///srv/%c0%aesecret',
  ])('that denies a folder refuses %j', (uri) => {
    expect(passes(uri)).toBe(false);
  });
});

describe('rules', () => {
  it.each([
    [{ deny: ['mem:secret/*'] }, 'mem:public/../secret/x'],
    [{ deny: ['mem:secret/*'] }, 'mem:secret%2Fx'],
    [{ deny: ['mem:secret/*'] }, 'mem:/secret//x'],
    [{ deny: ['notes://Private/*'] }, 'notes://private/x'],
    [{ deny: ['notes://private/*'] }, 'notes://me@PRIVATE:80/x'],
    [{ deny: ['file:///a b/*'] }, 'file:///a%20b/x'],
    [{ deny: ['file:///a%20b/*'] }, 'file:///a b/x'],
    [{ deny: ['http://127.0.0.1/*'] }, 'http://2130706433/x'],
    [{ allow: ['file:///srv/*.txt'] }, 'file:///srv/secret.key?.txt'],
    [{ allow: ['file:///srv/public/*'] }, 'file:///srv/public/../secret/x'],
    [{ allow: ['repo://mine/*'] }, 'repo://mine%2F..%2Fother/x'],
    [{ deny: ['x'] }, 'note://%'],
  ])('%j refuse the resource %j', (rules, uri) => {
    expect(resourceRules(rules)(uri)).toBe(false);
  });

  it.each([
    [{ allow: ['file:///srv/public/*'], deny: ['file:///srv/secret/*'] }, 'file:///srv/public/x.txt'],
    [{ allow: ['file:///srv/public/*'] }, 'file:///srv/./public//x.txt'],
    [{ allow: ['file:///my docs/*'] }, 'file:///my%20docs/x'],
    [{ allow: ['file:///my%20docs/*'] }, 'file:///my%20docs/100%25'],
    [{ allow: ['repo://owner%2Fname/*'] }, 'repo://owner%2Fname/file'],
    [{ allow: ['s://open/*'] }, 's://open/{x}'],
    [{ allow: ['db://t?*'] }, 'db://t?limit=5'],
    [{ allow: ['notes://Mine/*'] }, 'notes://Mine/Ünï'],
    [{ deny: ['file:///srv/secret/*'] }, 'postgres://me@db:5432/shop/orders'],
    [{ deny: ['x'] }, 'plain'],
  ])('%j let through %j', (rules, uri) => {
    expect(resourceRules(rules)(uri)).toBe(true);
  });
});

describe('the canonical form', () => {
  it.each([
    ['FILE://LocalHost/a/./b//c/../d', 'file:///a/b/d'],
    ['HTTP://Example.COM/%7euser/%c3%a4', 'http://example.com/~user/%C3%A4'],
    ['notes://Mine/x', 'notes://Mine/x'],
    ['repo://owner%2fname/file', 'repo://owner%2Fname/file'],
    ['mem:a/../b', 'mem:b'],
    ['s://open/{x}', 's://open/{x}'],
    ['db://t?q=%2f#F', 'db://t?q=%2F#F'],
    ['file:///a/b/', 'file:///a/b/'],
  ])('of %s is %s', (written, canonical) => {
    expect(readResourceUri(written)?.canonical).toBe(canonical);
  });
});
