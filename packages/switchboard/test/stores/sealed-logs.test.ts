/** What a cluster reads of logs and announcements in a store that others can write to. */
import { expect, it, onTestFinished } from 'vitest';

import { ClusterKey } from '../../src/peers/cluster-key.ts';
import { SealedAnnouncements } from '../../src/peers/sealed-announcements.ts';
import { memoryStore } from '../../src/stores/memory.ts';
import { SealedLogs } from '../../src/stores/sealed-logs.ts';
import type { SharedStore, StoreNotice } from '../../src/stores/store.ts';

const [OLD, NEW] = ['o', 'n'].map((letter) => letter.repeat(32)) as [string, string];

function sealedLogs(keys = OLD): { inner: SharedStore; logs: SealedLogs; notices: StoreNotice[] } {
  const inner = memoryStore();
  onTestFinished(() => inner.close());
  const notices: StoreNotice[] = [];
  return { inner, logs: new SealedLogs(inner, new ClusterKey(keys), (notice) => notices.push(notice)), notices };
}

const textsIn = async (entries: readonly (string | Uint8Array)[] | Promise<readonly (string | Uint8Array)[]>) =>
  (await entries).map((entry) => (typeof entry === 'string' ? entry : `bytes ${Buffer.from(entry).toString()}`));

it('a log gives back texts and bytes as they came, counts them without their seals, and is recalled with a key that is about to be replaced', async () => {
  const { inner, logs, notices } = sealedLogs();
  const log = logs.log('conversation x');
  log.append('ä');
  log.append(Buffer.from('raw'));
  log.append('');
  expect([log.last, log.size, log.bytes]).toEqual([3, 3, 4 + 3 * 64]);
  log.trim(1);
  await log.leave();
  const others = new SealedLogs(inner, new ClusterKey(`${NEW}\n${OLD}`), (notice) => notices.push(notice));
  const recalled = (await others.recall('conversation x'))!;
  expect(await textsIn(recalled.after(0))).toEqual(['bytes raw', '']);
  expect([recalled.last, recalled.hasGap, notices]).toEqual([3, false, []]);
  expect(await others.recall('conversation y')).toBeUndefined();
});

it.each([
  ['made up', (entries: string[]) => [...entries, `${'x'.repeat(43)}{"forged":true}`]],
  ['without a seal', (entries: string[]) => [...entries, '{}']],
  ['of another place', ([first, second]: string[]) => [second!, first!]],
  ['that stands twice', ([first]: string[]) => [first!, first!]],
])('a log with an entry %s begins again, and has a gap', async (_what, change) => {
  const { inner, logs, notices } = sealedLogs();
  const log = logs.log('conversation x');
  log.append('one');
  log.append('two');
  const raw = inner.log('conversation x#sealed');
  const entries = (await raw.after(0)) as string[];
  raw.end();
  const changed = inner.log('conversation x#sealed');
  for (const entry of change(entries)) changed.append(entry);
  const recalled = (await logs.recall('conversation x'))!;
  expect([recalled.last, recalled.size, recalled.hasGap]).toEqual([0, 0, true]);
  expect(notices).toMatchObject([{ type: 'garbage', key: 'log conversation x' }]);
  recalled.append('three');
  expect(await textsIn((await logs.recall('conversation x'))!.after(0))).toEqual(['three']);
});

it('of a log that a process of an earlier version has left only the count goes on, and only where all was received', async () => {
  const { inner, logs, notices } = sealedLogs();
  for (const name of ['received', 'waiting', 'endless']) inner.log(name).append('old');
  inner.log('received').trim(1);
  inner.log('endless').skip(2 ** 50);
  const [received, waiting, endless] = await Promise.all(
    ['received', 'waiting', 'endless'].map((name) => logs.recall(name)),
  );
  expect([received!.last, received!.hasGap]).toEqual([1, false]);
  expect([waiting!.last, waiting!.hasGap, endless!.last, endless!.hasGap]).toEqual([0, true, 0, true]);
  expect(notices).toHaveLength(2);
  expect(await inner.recall('waiting')).toBeUndefined();
});

it('a log that a process of an earlier version has gone on with is taken from there', async () => {
  const { inner, logs, notices } = sealedLogs();
  logs.log('conversation x').append('one');
  const former = inner.log('conversation x');
  former.skip(1);
  former.append('two');
  former.trim(2);
  const recalled = (await logs.recall('conversation x'))!;
  expect([recalled.last, recalled.size, recalled.hasGap, notices]).toEqual([2, 0, false, []]);
  expect(await inner.recall('conversation x')).toBeUndefined();
});

it('an announcement is heard once, and only where a node of the cluster made it, for its topic', async () => {
  const inner = memoryStore();
  onTestFinished(() => inner.close());
  const notices: StoreNotice[] = [];
  const announcements = new SealedAnnouncements(inner.announcements, new ClusterKey(OLD), (notice) =>
    notices.push(notice),
  );
  const passed: object[] = [];
  const heard: object[] = [];
  await inner.announcements.subscribe('lockout', (message) => void passed.push(message));
  const stop = await announcements.subscribe('lockout', (message) => void heard.push(message));
  await announcements.publish('lockout', { n: 1 });
  expect(heard).toEqual([{ n: 1 }]);
  const [message] = passed as [{ seal: object }];
  const strange = new SealedAnnouncements(inner.announcements, new ClusterKey(NEW), () => {});
  await strange.publish('lockout', { n: 2 });
  const forged = [message, { n: 3 }, { ...message, n: 4 }, { ...message, seal: 'x' }, { ...message, seal: {} }];
  for (const each of forged) await inner.announcements.publish('lockout', { ...each });
  expect(heard).toEqual([{ n: 1 }]);
  expect(notices).toEqual([{ type: 'garbage', key: 'topic lockout', detail: 'it has no seal of this cluster' }]);
  await stop();
  await announcements.publish('lockout', { n: 5 });
  expect(heard).toHaveLength(1);
});
