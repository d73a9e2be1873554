import { expect, it } from 'vitest';

import { memoryPair } from '../../src/transports/memory.ts';

it('a channel in this process says it when what handles a message fails of it, and goes on', async () => {
  const [left, right] = memoryPair();
  const heard: string[] = [];
  const both = new Promise<void>((resolve) => {
    const note = (what: string): void => void (heard.push(what) === 2 && resolve());
    right.start({
      onMessage: (message) => {
        if ('id' in message) throw new Error('cannot be written as JSON');
        note('message');
      },
      onBadMessage: ({ code }) => note(code),
      onClose: () => {},
    });
  });
  left.send({ jsonrpc: '2.0', id: 1, method: 'ping' });
  left.send({ jsonrpc: '2.0', method: 'notifications/initialized' });
  await both;
  expect(heard).toEqual(['SWB_INTERNAL', 'message']);
});
