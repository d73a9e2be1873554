import { describe, expect, it } from 'vitest';

import { MAX_NAME, Names } from '../../src/router/catalogue/names.ts';
import { Seal } from '../../src/router/catalogue/seal.ts';

describe('the name of a tool among several servers', () => {
  const upstreams = ['a', 'a__b', 'constructor', 'x'.repeat(64)];
  const names = new Names(() => upstreams);

  it.each([
    ['a', 'tool'],
    ['a__b', 'tool'],
    ['a', ''],
    ['a', '__'],
    ['a', 'long'.repeat(40)],
    ['constructor', 'prototype'],
    ['x'.repeat(64), 'tool'],
  ])('of %s, %s, leads back to it', (upstream, name) => {
    const exposed = names.expose(upstream, name);
    expect(names.find(exposed)).toMatchObject({ upstream, name, maybeCut: false });
  });

  it('fits into 64 characters where the name of its server leaves room', () => {
    expect(names.expose('a', 'n'.repeat(MAX_NAME - 3))).toBe(`a__${'n'.repeat(MAX_NAME - 3)}`);
    expect(names.expose('a', 'n'.repeat(MAX_NAME - 2))).toHaveLength(MAX_NAME);
    expect(names.expose('a', `${'n'.repeat(100)}1`)).not.toBe(names.expose('a', `${'n'.repeat(100)}2`));
  });

  it.each([
    ['an emoji', '\u{1F600}'],
    ['a family of four', '\u{1F468}\u200D\u{1F469}\u200D\u{1F467}\u200D\u{1F466}'],
    ['a letter with an accent of its own', 'e\u0301'],
    ['a flag', '\u{1F1E9}\u{1F1EA}'],
  ])('is never cut within a character: %s', (_, character) => {
    for (let before = 0; before < 60; before++) {
      const name = 'n'.repeat(before) + character.repeat(40);
      const exposed = names.expose('a', name);
      const [kept = ''] = /^a__n*(.*?)_+[0-9a-f]{8}$/su.exec(exposed)?.slice(1) ?? [];
      expect(exposed).toHaveLength(MAX_NAME);
      expect(character.repeat(kept.length / character.length), exposed).toBe(kept);
      expect(new Names(() => upstreams).find(exposed)).toMatchObject({ upstream: 'a', maybeCut: true });
    }
  });

  it('that was cut elsewhere is known to need a look', () => {
    const exposed = names.expose('a', 'm'.repeat(100));
    expect(new Names(() => upstreams).find(exposed)).toMatchObject({ upstream: 'a', maybeCut: true });
  });

  it('of no server leads nowhere', () => {
    for (const name of ['tool', 'b__tool', '__tool', 'a_tool', 'toString__x']) expect(names.find(name)).toBeUndefined();
  });
});

describe('a seal', () => {
  const seal = new Seal();
  const closed = seal.close(['cursor', 'me'], [['a', '']]);

  it('opens for its purpose, and for nothing else', () => {
    expect(seal.open(['cursor', 'me'], closed)).toEqual([['a', '']]);
    expect(seal.open(['cursor', 'you'], closed)).toBeUndefined();
    expect(seal.open(['cursor'], closed)).toBeUndefined();
    expect(new Seal().open(['cursor', 'me'], closed)).toBeUndefined();
  });

  it('does not open when a single character is another', () => {
    for (let at = 0; at < closed.length; at++) {
      const other = closed[at] === 'A' ? 'B' : 'A';
      const forged = closed.slice(0, at) + other + closed.slice(at + 1);
      const opened = seal.open(['cursor', 'me'], forged);
      // The last character of Base64 may have bits that mean nothing.
      if (at < closed.length - 1) expect(opened, String(at)).toBeUndefined();
    }
  });
});
