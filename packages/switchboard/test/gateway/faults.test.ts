/** Faults of what runs beside a request, or in it: the request is answered, and everything else goes on. */
import { describe, expect, it, onTestFinished } from 'vitest';

import { createGateway } from '../../src/gateway/gateway.ts';
import type { GatewayEvent } from '../../src/observe/events.ts';
import { servers, startGateway } from '../support/gateway.ts';
import { WireClient, textOf, toolCall } from '../support/wire.ts';
import type { Json } from '../support/wire.ts';

describe('a listener of events that fails', () => {
  it.each([
    [
      'throws',
      () => {
        throw new Error('listener');
      },
    ],
    ['rejects', (): void => Promise.reject(new Error('listener')) as never],
    [
      'throws what is no error',
      () => {
        throw { toString: 1 };
      },
    ],
  ])('and %s keeps no answer back, and nothing from the audit log or the metrics', async (_how, listen) => {
    const gateway = createGateway({
      port: 0,
      upstreams: { default: servers.scripted },
      environment: process.env,
      onEvent: listen,
    });
    onTestFinished(() => gateway.close());
    const [address] = await gateway.listen();
    const client = await WireClient.session(address!.websocket!);
    expect(textOf(await client.call(1, 'echo', { text: 'x' }))).toBe('x');
    client.send(toolCall(2, 'never'));
    client.send({ jsonrpc: '2.0', method: 'notifications/cancelled', params: { requestId: 2 } });
    expect(textOf(await client.call(3, 'echo', { text: 'y' }))).toBe('y');
    expect(gateway.stats.exchanges).toBe(0);
  });
});

/** A server in this process can answer with what no JSON can say. */
function serverOf(result: unknown): () => never {
  return () =>
    ({
      async connect(transport: {
        onmessage?: (message: Json) => void;
        start(): Promise<void>;
        send(message: unknown): Promise<void>;
      }) {
        transport.onmessage = ({ id, method, params }) => {
          if (id === undefined) return;
          const handshakeResult = {
            protocolVersion: (params as Json)['protocolVersion'],
            capabilities: {},
            serverInfo: { name: 's', version: '1' },
          };
          void transport.send({ jsonrpc: '2.0', id, result: method === 'tools/call' ? result : handshakeResult });
        };
        await transport.start();
      },
      async close() {},
    }) as never;
}

const circular: Json = {};
circular['self'] = circular;
let deep: unknown = 1;
// Some versions of Node can write any depth, so the innermost is something that none can write.
for (let n = 0; n < 100_000; n++) deep = n === 0 ? 1n : [deep];

describe('an answer that cannot be written down', () => {
  it.each([
    ['a bigint', { x: 1n }],
    ['a circle', circular],
    ['100,000 levels', { deep }],
  ])(
    '%s: the call is answered with -32603 and a reference, which the log has with the stack',
    async (_what, result) => {
      const test = await startGateway({ upstreams: { default: { server: serverOf(result) } } });
      const client = await WireClient.session(test.ws);
      client.send(toolCall(1, 'x'));
      const { error } = (await client.answer(1)) as {
        error: { code: number; message: string; data: { reference: string } };
      };
      expect(error.code).toBe(-32603);
      expect(error.message).toContain(error.data.reference);
      const told = test.events.find(
        (event): event is Extract<GatewayEvent, { type: 'failed' }> => event.type === 'failed',
      );
      expect((told!.error as Error).message).toContain(error.data.reference);
      expect(((told!.error as Error).cause as Error).stack).toContain('JSON.stringify');
      client.send(toolCall(2, 'x'));
      expect(await client.answer(2)).toHaveProperty('error');
      expect(test.gateway.stats.exchanges).toBe(0);
    },
  );
});
