import { describe, expect, it } from 'vitest';
import { niceBytes, niceCeiling } from '../../src/pages/console/chart-scale.ts';
import { hrefOf, placeOf } from '../../src/pages/console/place.ts';
import {
  columnIs,
  filterRows,
  groupRows,
  readOrder,
  sortRows,
  writeOrder,
  type Column,
} from '../../src/pages/console/rows.ts';
import { age, count, counted, duration, rate, size } from '../../src/pages/console/words.ts';

interface Row {
  readonly who: string;
  readonly server: string;
  readonly calls: number;
}

const columns: readonly Column<Row>[] = [
  { key: 'who', label: 'Who', value: ({ who }) => who },
  { key: 'server', label: 'Server', value: ({ server }) => server },
  { key: 'calls', label: 'Calls', value: ({ calls }) => calls },
];
const rows: readonly Row[] = [
  { who: 'ann', server: 'demo', calls: 12 },
  { who: 'demo-bot', server: 'files', calls: 2 },
  { who: 'Bob', server: 'demo', calls: 100 },
];
const whoOf = (found: readonly Row[]): string[] => found.map(({ who }) => who);

describe('the rows of a table', () => {
  it.each([
    ['', ['ann', 'demo-bot', 'Bob']],
    ['demo', ['ann', 'demo-bot', 'Bob']],
    ['server:demo', ['ann', 'Bob']],
    ['server:demo -bob', ['ann']],
    ['-server:demo', ['demo-bot']],
    ['ANN  demo', ['ann']],
    ['nobody:ann', []],
    ['nobody:"ann"', []],
    ['server:', ['ann', 'demo-bot', 'Bob']],
    ['who:"bob"', ['Bob']],
    ['who:demo', ['demo-bot']],
    ['who:"demo"', []],
    ['-server:"demo" -', ['demo-bot']],
    ['"demo"', ['ann', 'Bob']],
    ['"dem', []],
    ['-', ['demo-bot']],
  ])('are found by %j', (text, wanted) => {
    expect(whoOf(filterRows(rows, columns, text))).toEqual(wanted);
  });

  it.each([
    ['be', ['Bob']],
    ['c0ffee00', ['ann']],
    ['ffee00be', []],
    ['beadbead', ['demo-bot', 'Bob']],
    ['beadbead-1', ['demo-bot']],
    ['id:00be', ['ann']],
    ['-id:c0ffee', ['demo-bot', 'Bob']],
  ])('are found by an id only where it is named, or by its beginning: %j', (text, wanted) => {
    const found: readonly (Row & { readonly id: string })[] = [
      { ...rows[0]!, id: 'c0ffee00be' },
      { ...rows[1]!, id: 'beadbead-1' },
      { ...rows[2]!, id: 'beadbead-12', server: 'bender' },
    ];
    const id: Column<(typeof found)[number]> = { key: 'id', label: 'Id', isId: true, value: (row) => row.id };
    expect(whoOf(filterRows(found, [...columns, id], text))).toEqual(wanted);
  });

  it('are exactly those of a name that a link gives, whatever stands in it', () => {
    const names = ['ann', 'anna', 'ann lee', 'says "hi"', 'https://x/a:b'];
    const all = names.map((who): Row => ({ who, server: 'demo', calls: 1 }));
    for (const name of names) expect(whoOf(filterRows(all, columns, columnIs('who', name)))).toEqual([name]);
  });

  it('are sorted by figures as figures and by words as words, both ways, and left as they are by an unknown column', () => {
    expect(whoOf(sortRows(rows, columns, readOrder('calls')))).toEqual(['demo-bot', 'ann', 'Bob']);
    expect(whoOf(sortRows(rows, columns, readOrder('-calls')))).toEqual(['Bob', 'ann', 'demo-bot']);
    expect(whoOf(sortRows(rows, columns, readOrder('server')))).toEqual(['ann', 'Bob', 'demo-bot']);
    expect(sortRows(rows, columns, readOrder('other'))).toBe(rows);
    expect(writeOrder(readOrder('-calls'))).toBe('-calls');
  });

  it('are grouped, the largest group first', () => {
    const groups = groupRows(rows, columns[1]!);
    expect(groups.map(({ name, rows: own }) => [name, own.length])).toEqual([
      ['demo', 2],
      ['files', 1],
    ]);
    expect(groupRows([{ who: '', server: '__proto__', calls: 0 }], columns[0]!)[0]!.name).toBe('none');
  });
});

describe('an address', () => {
  it('says the view and what of it is shown, under any prefix', () => {
    expect(placeOf('/console/sessions', '?id=x&filter=a%20b')).toEqual({
      view: 'sessions',
      params: { id: 'x', filter: 'a b' },
    });
    expect(placeOf('/behind/console/', '').view).toBe('overview');
    expect(placeOf('/console/nothing', '').view).toBe('unknown');
    expect(hrefOf('overview')).toBe('./');
    expect(hrefOf('sessions', { id: 'a&b', filter: '', order: undefined })).toBe('sessions?id=a%26b');
  });
});

describe('figures', () => {
  it('are said as people read them', () => {
    expect([0.04, 45.4, 1234, 61_000, 7_500_000].map((each) => duration(each))).toEqual([
      '0.0 ms',
      '45 ms',
      '1.2 s',
      '1m 1s',
      '2h 5m',
    ]);
    expect([age(-5), age(90_061_000)]).toEqual(['0s', '1d 1h']);
    expect([size(512), size(4 * 1024 ** 2), size(300 * 1024 ** 2)]).toEqual(['512 B', '4.0 MiB', '300 MiB']);
    expect([count(10_000), counted(1, 'call'), counted(0, 'call'), rate(0.25), rate(5120)]).toEqual([
      '10,000',
      '1 call',
      '0 calls',
      '0.3',
      '5,120',
    ]);
  });
});

describe('a chart', () => {
  it('has a round top, in bytes one of theirs', () => {
    expect([0, 0.3, 7, 26, 51, 1000].map((each) => niceCeiling(each))).toEqual([1, 0.5, 10, 50, 100, 1000]);
    expect([niceBytes(0), niceBytes(176 * 1024 ** 2)]).toEqual([1, 192 * 1024 ** 2]);
  });
});
