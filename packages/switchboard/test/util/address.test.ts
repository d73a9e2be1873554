import { describe, expect, it } from 'vitest';

import { addressBlock, canonicalAddress, isLoopback } from '../../src/util/address.ts';

describe('an address', () => {
  it.each([
    ['192.0.2.1', '192.0.2.1'],
    ['::ffff:192.0.2.1', '192.0.2.1'],
    ['::FFFF:c000:201', '192.0.2.1'],
    ['0:0:0:0:0:ffff:192.0.2.1', '192.0.2.1'],
    ['2001:0DB8:0:0:0:0:0:1', '2001:db8::1'],
    ['fe80::1%eth0', 'fe80::1'],
    ['', ''],
    ['no:address', 'no:address'],
  ])('has one spelling: %s', (written, canonical) => {
    expect(canonicalAddress(written)).toBe(canonical);
  });

  it.each([
    ['192.0.2.1', '192.0.2.1'],
    ['127.0.0.1', '127.0.0.1'],
    ['127.255.0.9', '127.0.0.1'],
    ['::ffff:127.0.0.2', '127.0.0.1'],
    ['::1', '127.0.0.1'],
    ['2001:db8:1:2:3:4:5:6', '2001:db8:1:2::/64'],
    ['2001:DB8:1:2::', '2001:db8:1:2::/64'],
    ['2001:db8::1', '2001:db8:0:0::/64'],
    ['::', '0:0:0:0::/64'],
    ['unknown', 'unknown'],
  ])('is counted as its network: %s', (address, block) => {
    expect(addressBlock(address)).toBe(block);
  });
});

it.each([
  ['localhost', true],
  ['127.0.0.1', true],
  ['127.255.0.9', true],
  ['::1', true],
  ['[::1]', true],
  ['127.0.0.1.example.com', false],
  ['localhost.example.com', false],
  ['0.0.0.0', false],
  ['::', false],
  ['10.0.0.1', false],
  ['', false],
])('says of %j whether it stands for this machine alone', (host, expected) => {
  expect(isLoopback(host)).toBe(expected);
});
