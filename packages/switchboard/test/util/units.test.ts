import { describe, expect, it } from 'vitest';

import { backoffMs } from '../../src/util/backoff.ts';
import { parseDuration, parseSize, writeDuration, writeSize } from '../../src/util/units.ts';

describe('units', () => {
  it.each([
    ['90s', 90_000],
    ['1.5m', 90_000],
    ['2 h', 7_200_000],
    ['500ms', 500],
    [30, 30_000],
    ['30', 30_000],
    ['0', 0],
    ['-1s', undefined],
    ['s', undefined],
    ['5 years', undefined],
    ['', undefined],
  ])('reads %j as a duration of %j ms', (text, ms) => expect(parseDuration(text)).toBe(ms));

  it.each([
    ['4MiB', 4_194_304],
    ['512 kb', 524_288],
    [1_048_576, 1_048_576],
    ['1g', 1_073_741_824],
    ['1 fish', undefined],
  ])('reads %j as a size of %j bytes', (text, bytes) => expect(parseSize(text)).toBe(bytes));
});

describe('a value that is written', () => {
  it.each([
    [90_000, '90s'],
    [3_600_000, '1h'],
    [86_400_000, '1d'],
    [1500, '1500ms'],
    [61_000, '61s'],
    [0, '0ms'],
  ])('is read as the same duration: %j ms, as %j', (ms, text) => {
    expect(writeDuration(ms)).toBe(text);
    expect(parseDuration(text)).toBe(ms);
  });

  it.each([
    [1_000_000, '1000000B'],
    [4_194_304, '4MiB'],
    [1_048_577, '1048577B'],
    [3 * 1024 ** 3, '3GiB'],
    [0, '0B'],
  ])('is read as the same size: %j bytes, as %j', (bytes, text) => {
    expect(writeSize(bytes)).toBe(text);
    expect(parseSize(text)).toBe(bytes);
  });
});

describe('backoffMs', () => {
  it('waits not at all without a failure, then twice as long each time up to the limit, in the upper half', () => {
    const least = (failures: number): number => backoffMs(failures, { random: () => 0 });
    const most = (failures: number): number => backoffMs(failures, { random: () => 1 });
    expect([0, 1, 2, 3, 4].map(most)).toEqual([0, 100, 200, 400, 800]);
    expect([0, 1, 2, 3, 4].map(least)).toEqual([0, 50, 100, 200, 400]);
    expect(most(1000)).toBe(30_000);
  });
});
