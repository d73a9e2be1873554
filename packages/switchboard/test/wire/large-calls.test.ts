/** A call with large arguments: they cross as they were written, and whoever looks into them finds what is in them. */
import { describe, expect, it } from 'vitest';

import { root, servers, startGateway } from '../support/gateway.ts';
import { http, openSession } from '../support/http.ts';
import { WireClient, envelope, initializeParams, textOf, toolCall } from '../support/wire.ts';
import type { Json } from '../support/wire.ts';

const verbatim = `${root}packages/switchboard/test/fixtures/verbatim-server.mjs`;
const FILL = 'é'.repeat(40_000);
/** A number that a double rounds, spaces and an escape: what is parsed and written again differs. */
const ARGUMENTS = `{"n":12345678901234567890, "text" : "${FILL}\\u00e9"}`;
const call = (id: number, meta?: Json): string =>
  `{"jsonrpc":"2.0","id":${id},"method":"tools/call","params":{"name":"heard","arguments":${ARGUMENTS}` +
  `${meta === undefined ? '' : `,"_meta":${JSON.stringify(meta)}`}}}`;
const heard = (answer: Json): { params: Json } => {
  const line = textOf(answer);
  expect(line).toContain(`"arguments":${ARGUMENTS}`);
  return JSON.parse(line) as { params: Json };
};

describe.each(['legacy', 'modern'] as const)('large arguments to a %s server', (era) => {
  const upstreams = { default: { command: process.execPath, args: [verbatim], env: { ERA: era } } };

  it('cross from clients of both eras as they were written, with the meta data of each side', async () => {
    const test = await startGateway({ upstreams });
    const client = await WireClient.session(test.ws);
    client.send(call(1));
    client.send(call(2, { progressToken: 'mine' }));
    expect(heard(await client.answer(1)).params).toMatchObject({ name: 'heard' });
    expect(heard(await client.answer(2)).params['_meta']).not.toMatchObject({ progressToken: 'mine' });
    client.send(call(3, envelope()));
    heard(await client.answer(3));

    const session = await openSession(test.http, initializeParams());
    const legacy = await http(test.http, { headers: session, body: call(1) });
    heard(JSON.parse(legacy.body) as Json);
    const headers = { 'mcp-protocol-version': '2026-07-28', 'mcp-method': 'tools/call', 'mcp-name': 'heard' };
    const modern = await http(test.http, { headers, body: call(2, envelope()) });
    heard(JSON.parse(modern.body) as Json);
  });
});

describe('a large call that is parked', () => {
  const text = (length: number): string => 'x'.repeat(length);

  it.each([
    ['that is large only when it comes back with its answers', 1500],
    ['of 200 KB, without keeping others waiting', 200_000],
  ])('%s goes on', { timeout: 10_000 }, async (_, length) => {
    const test = await startGateway({ upstreams: { default: servers.scripted } });
    const client = await WireClient.open(test.ws);
    const meta = envelope({ elicitation: { form: {} } });
    const args = { message: 'Name?', requestedSchema: { type: 'object', properties: {} }, text: text(length), last: 1 };
    const first = (await client.call(1, 'ask', args, meta)) as {
      result: { inputRequests: Json; requestState: string };
    };
    const { inputRequests, requestState } = first.result;
    const [key] = Object.keys(inputRequests);
    // Its keys in another order, as a client may write them.
    const again = toolCall(2, 'ask', Object.fromEntries(Object.entries(args).toReversed()), meta);
    const answers = { [key!]: { action: 'accept', content: { filling: text(700) } } };
    client.send({ ...again, params: { ...(again['params'] as Json), requestState, inputResponses: answers } });
    expect(await client.answer(2)).toMatchObject({ result: { resultType: 'complete' } });
  });
});
