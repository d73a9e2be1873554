/** Fields of other types than MCP says, from clients and from servers of both eras: none ends the process, nor anybody else's call. */
import { describe, expect, it } from 'vitest';

import { file, serve } from '../support/command.ts';
import type { Serving } from '../support/command.ts';
import { root } from '../support/gateway.ts';
import { http, openSession } from '../support/http.ts';
import { WireClient, envelope, initializeParams, textOf, toolCall } from '../support/wire.ts';
import type { Json } from '../support/wire.ts';

/** `String()`, templates, `new Set` of texts and sorting throw on it. */
const ODD = { toString: 1, valueOf: 1 };
const verbatim = { command: process.execPath, args: [`${root}packages/switchboard/test/fixtures/verbatim-server.mjs`] };

const start = (upstream: Json, options: Json = {}): Promise<Serving> =>
  serve([
    '--config',
    file({
      isolation: 'shared',
      requestTimeout: '20s',
      ...options,
      upstreams: { default: { ...verbatim, ...upstream } },
    }),
  ]);

/** A client that does nothing odd is served as ever, and the process is the same. */
async function expectAlive({ ws, child }: Serving): Promise<void> {
  const client = await WireClient.session(ws);
  expect(textOf(await client.call(1, 'say'))).toBe('done');
  expect(child.exitCode).toBeNull();
  client.socket.close();
}

const request = (method: string, params: Json): Json => ({ jsonrpc: '2.0', id: 7, method, params });
const modern = (method: string, params: Json): Json => request(method, { ...params, _meta: envelope() });

/** A field, and the messages that have it in another type. */
const REQUESTS: readonly (readonly [string, Json])[] = [
  ['params.name', request('tools/call', { name: ODD })],
  ['params.name', modern('tools/call', { name: ODD })],
  ['params.name', request('prompts/get', { name: ['a'] })],
  ['params.uri', request('resources/read', { uri: 5 })],
  ['params.uri', modern('resources/read', { uri: ODD })],
  ['params.uri', request('resources/subscribe', { uri: ODD })],
  ['params.level', request('logging/setLevel', { level: ODD })],
  ['params.ref', request('completion/complete', { ref: 'x' })],
  ['params.ref.name', request('completion/complete', { ref: { type: 'ref/prompt', name: ODD } })],
  ['params.notifications', modern('subscriptions/listen', { notifications: [] })],
  [
    'params.notifications.resourceSubscriptions',
    modern('subscriptions/listen', { notifications: { resourceSubscriptions: [ODD] } }),
  ],
  ['params._meta.progressToken', request('tools/call', { name: 'say', _meta: { progressToken: ODD } })],
];

describe('a request whose field has another type', () => {
  it.each([
    ['rules', { tools: { allow: ['say'] }, resources: { deny: ['secret:*'] }, describe: { say: 'says' } }],
    ['timeouts', { timeouts: { say: '5s' } }],
    ['no rules', {}],
  ])('is answered with -32602 that names the field, and ends nothing, where there are %s', async (_name, upstream) => {
    const test = await start(upstream);
    for (const [field, message] of REQUESTS) {
      const client = await WireClient.session(test.ws);
      client.send(message);
      expect(await client.answer(7), field).toMatchObject({
        error: { code: -32602, message: expect.stringContaining(`${field} is `), data: { code: 'SWB_INVALID_PARAMS' } },
      });
      const session = await openSession(test.http, initializeParams());
      const { _meta: meta } = (message['params'] ?? {}) as Json;
      const isModern = meta !== undefined && Object.keys(meta as Json).length > 1;
      const version = { 'mcp-protocol-version': isModern ? '2026-07-28' : '2025-11-25' };
      const headers = isModern ? { ...version, 'mcp-method': String(message['method']) } : { ...session, ...version };
      const answer = await http(test.http, { headers, body: message });
      expect(JSON.parse(answer.body), field).toMatchObject({ id: 7, error: { code: -32602 } });
      client.socket.close();
    }
    await expectAlive(test);
  });

  it('is shown shortened, and as JSON', async () => {
    const test = await start({});
    const client = await WireClient.session(test.ws);
    client.send(request('tools/call', { name: { text: 'x'.repeat(100_000) } }));
    const { error } = (await client.answer(7)) as { error: { message: string } };
    expect(error.message).toContain('params.name is {"text":"xxx');
    expect(error.message.length).toBeLessThan(300);
  });
});

describe('a notification of a client whose field has another type', () => {
  it('is dropped with an event, and ends nothing', async () => {
    const test = await start({}, { isolation: 'session', logLevel: 'debug' });
    const client = await WireClient.session(test.ws);
    client.send({ jsonrpc: '2.0', method: 'notifications/cancelled', params: { requestId: ODD } });
    client.send({ jsonrpc: '2.0', method: 'notifications/progress', params: { progressToken: [] } });
    expect(textOf(await client.call(1, 'say'))).toBe('done');
    const refused = (): Json[] => test.log.filter(({ msg }) => msg === 'request.refused');
    await expect
      .poll(() => refused().map(({ method, code }) => `${String(method)} ${String(code)}`))
      .toEqual(['notifications/cancelled SWB_INVALID_PARAMS', 'notifications/progress SWB_INVALID_PARAMS']);
    await expectAlive(test);
  });
});

const note = (method: string, params: unknown): string => JSON.stringify({ jsonrpc: '2.0', method, params });
const odd = JSON.stringify(ODD);
const SUBSCRIPTION = 'io.modelcontextprotocol/subscriptionId';

/** What a server says in the middle of a call. */
const SAID: readonly string[] = [
  note('notifications/resources/updated', { uri: ODD }),
  note('notifications/resources/updated', {}),
  note('notifications/resources/updated', { uri: 'test://a', _meta: { [SUBSCRIPTION]: ODD } }),
  note('notifications/message', { level: ODD, data: 'x' }),
  note('notifications/progress', { progressToken: ODD, progress: ODD }),
  note('notifications/cancelled', { requestId: ODD, reason: ODD }),
  note('notifications/tools/list_changed', { _meta: { [SUBSCRIPTION]: ODD } }),
  note('notifications/subscriptions/acknowledged', {
    notifications: { resourceSubscriptions: [ODD] },
    _meta: { [SUBSCRIPTION]: ODD },
  }),
  note('notifications/subscriptions/acknowledged', { notifications: [ODD] }),
  note('tools/call', { name: 'x' }),
  '{"jsonrpc":"2.0","id":"q1","method":"notifications/cancelled","params":{"requestId":1}}',
  `{"jsonrpc":"2.0","id":"q2","method":"elicitation/create","params":{"mode":${odd},"message":${odd}}}`,
  `{"jsonrpc":"2.0","id":"q3","method":"sampling/createMessage","params":{"tools":${odd},"_meta":${odd}}}`,
  `{"jsonrpc":"2.0","id":${odd},"method":"ping"}`,
  `{"jsonrpc":"2.0","id":99999,"error":{"code":${odd},"message":${odd}}}`,
];

/** What a server answers to a call, `$ID` being the call. */
const ANSWERED: readonly string[] = [
  `{"jsonrpc":"2.0","id":$ID,"error":{"code":${odd},"message":${odd}}}`,
  `{"jsonrpc":"2.0","id":$ID,"error":{"code":-32042,"message":"go","data":{"elicitations":[{"mode":"url","url":${odd}},null,5]}}}`,
  `{"jsonrpc":"2.0","id":$ID,"error":{"code":-32042,"message":"go","data":${odd}}}`,
  `{"jsonrpc":"2.0","id":$ID,"result":{"resultType":"input_required","inputRequests":{"q":null}}}`,
  `{"jsonrpc":"2.0","id":$ID,"result":{"resultType":"input_required","inputRequests":{"q":{"method":${odd}}}}}`,
  `{"jsonrpc":"2.0","id":$ID,"result":{"resultType":"input_required","inputRequests":{"q":{"method":"elicitation/create","params":[]}}}}`,
  `{"jsonrpc":"2.0","id":$ID,"result":{"resultType":"input_required","inputRequests":[${odd}],"requestState":${odd}}}`,
  `{"jsonrpc":"2.0","id":$ID,"result":{"resultType":${odd},"requestState":${odd},"task":{"taskId":${odd}},"isError":${odd}}}`,
  `{"jsonrpc":"2.0","id":$ID,"result":{"resultType":"input_required","inputRequests":{"__proto__":null,"x":{"method":"${'m'.repeat(33_000)}","params":5}}}}`,
];

/** Each kind of client that a server may speak to. */
const CLIENTS: readonly (readonly [string, (message: Json) => Json])[] = [
  ['legacy', (message) => message],
  [
    'modern',
    (message) => ({ ...message, params: { ...(message['params'] as Json), _meta: envelope({ elicitation: {} }) } }),
  ],
];

describe.each(['legacy', 'modern'])('a server of the %s era that says what nothing can be made of', (era) => {
  it.each(['shared', 'session'])(
    'ends neither the process nor anybody else’s call, isolation %s',
    async (isolation) => {
      const test = await start(
        { env: { ERA: era }, resources: { deny: ['secret:*'] }, describe: { say: 'says' } },
        { isolation, logLevel: 'warn' },
      );
      for (const [kind, shape] of CLIENTS) {
        const client = await WireClient.session(test.ws, { elicitation: {} });
        client.send(shape({ ...toolCall(1, 'say', { lines: SAID }) }));
        expect(await client.answer(1), kind).toMatchObject({ result: { content: [{ text: 'done' }] } });
        for (const line of ANSWERED) {
          client.send(shape({ ...toolCall(2, 'only', { lines: [line] }) }));
          const answer = await client.answer(2);
          expect('error' in answer || 'result' in answer, `${kind}: ${line.slice(0, 200)}`).toBe(true);
        }
        client.socket.close();
      }
      expect(test.log.filter(({ msg }) => msg === 'failed')).toEqual([]);
      await expectAlive(test);
    },
  );
});

describe('a list of a server', () => {
  const listed = [
    '{"name":{"toString":1},"inputSchema":{"type":"object"}}',
    'null',
    '{"name":"say","inputSchema":{"type":"object"},"extra":{"kept":true}}',
  ].join(',');

  it.each(['default', 'all'])(
    'loses its unreadable entries, is told of, and keeps what is unknown in the others, at the address of %s',
    async (at) => {
      const more = { upstreams: { default: { ...verbatim, describe: { say: 'says' } }, other: verbatim } };
      const config = { isolation: 'shared', logLevel: 'warn', ...more };
      const test = await serve(['--config', file(config)]);
      const url = at === 'all' ? test.ws : `${test.ws}/default`;
      const client = await WireClient.session(at === 'all' ? `${test.ws}/default` : url);
      const lines = [`{"jsonrpc":"2.0","id":$ID,"result":{"tools":[${listed}]}}`];
      await client.call(1, 'script', { method: 'tools/list', lines });
      const asking = await WireClient.session(url);
      asking.send({ jsonrpc: '2.0', id: 2, method: 'tools/list' });
      const { result } = (await asking.answer(2)) as { result: { tools: Json[] } };
      const own = result.tools.filter(({ name }) => String(name).endsWith('say') && !String(name).startsWith('other'));
      expect(own).toMatchObject([{ description: 'says', extra: { kept: true } }]);
      await expect
        .poll(() => test.log.map(({ what }) => what))
        .toContain('tools/list: tools[0].name is {"toString":1}, and left out');
    },
  );

  it('of more than 32 KiB with a schema 4,000 levels deep is refused, where a role may only read', async () => {
    const roles = { default: { upstreams: ['default'], readOnly: true } };
    const test = await serve(['--config', file({ isolation: 'shared', roles, upstreams: { default: verbatim } })]);
    const client = await WireClient.session(test.ws);
    const schema = `${'{"properties":{"a":'.repeat(2000)}{}${'}}'.repeat(2000)}`;
    const deep = `{"jsonrpc":"2.0","id":$ID,"result":{"tools":[{"name":"say","inputSchema":${schema}}]}}`;
    await client.call(1, 'script', { method: 'tools/list', lines: [deep] });
    client.send({ jsonrpc: '2.0', id: 2, method: 'tools/list' });
    expect(await client.answer(2)).toMatchObject({
      error: { code: 31033, message: expect.stringContaining('deeper than 512 levels') },
    });
    await expectAlive(test);
  });
});

describe('a large result', () => {
  const large = (inner: string): string => `{"jsonrpc":"2.0","id":$ID,"result":{"content":[],"x":${inner}}}`;

  it.each([
    ['20,000 levels deep', large(`${'['.repeat(20_000)}${']'.repeat(20_000)}`), 'deeper than 512 levels'],
    ['of 2,000,000 values', large(`[${'0,'.repeat(2_000_000)}0]`), 'more than 1000000 values'],
    ['that is broken, and says isError', large(`"${'y'.repeat(40_000)}","isError":tru`), 'not valid JSON'],
  ])('%s settles its call at once, also right after a note of progress', async (_what, line, why) => {
    const test = await start({});
    const client = await WireClient.session(test.ws);
    const lines = [
      '{"jsonrpc":"2.0","method":"notifications/progress","params":{"progressToken":$ID,"progress":1}}',
      line,
    ];
    client.send(toolCall(2, 'only', { lines }, { progressToken: 't' }));
    expect(await client.answer(2)).toMatchObject({ error: { code: 31033, message: expect.stringContaining(why) } });
    await expectAlive(test);
  });
});

describe('the acknowledgement of a listen', () => {
  it('with odd URIs ends nothing at the address of all', async () => {
    const upstreams = { one: { ...verbatim, env: { ERA: 'modern' } }, two: { ...verbatim, env: { ERA: 'modern' } } };
    const test = await serve(['--config', file({ isolation: 'shared', logLevel: 'warn', upstreams })]);
    const tag = `"_meta":{"${SUBSCRIPTION}":$ID}`;
    const line = `{"jsonrpc":"2.0","method":"notifications/subscriptions/acknowledged","params":{"notifications":{"resourceSubscriptions":[${odd}]},${tag}}}`;
    const client = await WireClient.open(`${test.ws}/one`);
    const call = toolCall(1, 'script', { method: 'subscriptions/listen', lines: [line] }, envelope());
    client.send(call);
    await client.answer(1);
    const listening = await WireClient.open(test.ws);
    listening.send(modern('subscriptions/listen', { notifications: { resourceSubscriptions: ['test://a'] } }));
    await expect
      .poll(() => test.log.some(({ what }) => String(what).includes('resourceSubscriptions is [{')))
      .toBe(true);
    listening.send(modern('tools/list', {}));
    expect(test.child.exitCode).toBeNull();
    const honest = await WireClient.session(`${test.ws}/two`);
    expect(textOf(await honest.call(1, 'say'))).toBe('done');
  });
});
