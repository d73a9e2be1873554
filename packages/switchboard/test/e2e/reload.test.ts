import { expect, it } from 'vitest';

import { servers, startGateway } from '../support/gateway.ts';
import { WireClient, toolCall } from '../support/wire.ts';

it('an upstream that comes back under a name has the limits of its new configuration, not of the one before', async () => {
  const { scripted: stays } = servers;
  const scripted = { ...servers.scripted, isolation: 'shared' } as const;
  const test = await startGateway({ upstreams: { stays, comes: scripted } });
  const { gateway } = test;
  const client = await WireClient.session(`${test.all.ws}/comes`);
  client.send(toolCall(1, 'slow', { ms: 500 }));
  await expect.poll(() => gateway.stats.exchanges).toBe(1);
  gateway.reload({ upstreams: { stays } });
  // It is no longer served, but one of its clients is still there until its call has ended, and makes another.
  await client.call(2, 'echo');
  gateway.reload({ upstreams: { stays, comes: { ...scripted, maxConcurrent: 1 } } });
  const other = await WireClient.session(`${test.all.ws}/comes`);
  other.send(toolCall(1, 'never'));
  other.send(toolCall(2, 'never'));
  const states = (): string[] => gateway.operations.requests().map(({ state }) => state);
  await expect.poll(states).toEqual(['running', 'queued']);
});
