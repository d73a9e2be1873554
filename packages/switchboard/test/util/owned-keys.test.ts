import { expect, it } from 'vitest';

import { OwnedKeys } from '../../src/util/owned-keys.ts';

it('keys are kept for each owner up to a limit, and nobody pushes out those of others', () => {
  const keys = new OwnedKeys<number>({ max: 100, maxPerOwner: 10 });
  keys.set('hers', 'ann', 1);
  for (let n = 0; n < 200; n++) keys.set(`his ${n}`, 'ben', n);
  expect(keys.get('hers')).toEqual({ owner: 'ann', value: 1 });
  expect([keys.get('his 189'), keys.get('his 190')?.value, keys.size]).toEqual([undefined, 190, 11]);
  for (let n = 0; n < 200; n++) keys.set('one', `owner ${n}`, n);
  expect(keys.get('one')).toEqual({ owner: 'owner 199', value: 199 });
  for (let n = 0; n < 200; n++) keys.set(`key ${n}`, `owner ${n}`, n);
  expect(keys.size).toBe(100);
  for (let n = 0; n < 200; n++) keys.delete(`key ${n}`);
  expect(keys.size).toBe(0);
});
