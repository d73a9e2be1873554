/** What clients keep of the catalogue: cursors and the ids of tasks. */
import { expect, it } from 'vitest';

import { ClusterKey } from '../../src/peers/cluster-key.ts';
import { Seal } from '../../src/router/catalogue/seal.ts';

const [former, next] = ['f'.repeat(43), 'n'.repeat(43)];
const node = (keys: string): Seal => {
  const key = new ClusterKey(keys);
  return new Seal(() => key.derived('seal'));
};

it('is good at every node of a cluster, also while its key is changed, and for its purpose alone', () => {
  const sealed = node(former).close(['tools'], { n: 1 });
  expect(node(former).open(['tools'], sealed)).toEqual({ n: 1 });
  expect(node(`${next} ${former}`).open(['tools'], sealed)).toEqual({ n: 1 });
  expect(node(next).open(['tools'], sealed)).toBeUndefined();
  expect(node(former).open(['prompts'], sealed)).toBeUndefined();
  expect(new Seal().open(['tools'], sealed)).toBeUndefined();
  expect(node(former).open(['tools'], `${sealed}.x`)).toBeUndefined();
});
