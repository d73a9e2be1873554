/** Tools over plain HTTP with JSON: real requests by hand, real servers behind them. */
import { Validator } from '@seriousme/openapi-schema-validator';
import { describe, expect, it } from 'vitest';

import { describeTools } from '../../src/callers/rest-document.ts';
import { startWithKeys } from '../support/access.ts';
import { expectEmpty, servers, startGateway } from '../support/gateway.ts';
import { http, stream } from '../support/http.ts';
import type { HttpAnswer } from '../support/http.ts';
import { bearer } from '../support/keys.ts';
import type { Json } from '../support/wire.ts';

const upstreams = { default: servers.scripted, demo: servers.demo };
const rest = ({ port }: { port: number }, path: string): string => `http://127.0.0.1:${port}/rest/${path}`;
const get = (url: string, headers: Record<string, string> = {}): Promise<HttpAnswer> =>
  http(url, { method: 'GET', headers });
const post = (url: string, body: Json | string = {}, headers: Record<string, string> = {}): Promise<HttpAnswer> =>
  http(url, { body, headers: { accept: 'application/json', ...headers } });
const json = ({ body }: HttpAnswer): Json => JSON.parse(body) as Json;
const codeOf = (answer: HttpAnswer): unknown => (json(answer)['error'] as { data?: Json }).data?.['code'];

/** The events of a stream, as [type, data]. */
const eventsOf = ({ body }: HttpAnswer): [string, Json][] =>
  [...body.matchAll(/^event: (\w+)\ndata: (.*)$/gm)].map(([, type = '', data = '']) => [
    type,
    JSON.parse(data) as Json,
  ]);

describe('REST', () => {
  it('lists the tools of an upstream, and describes one', async () => {
    const test = await startGateway({ upstreams });
    const { tools } = json(await get(rest(test, 'demo/tools'))) as { tools: Json[] };
    expect(tools.find(({ name }) => name === 'add')).toMatchObject({ inputSchema: { type: 'object' } });
    const one = await get(rest(test, 'demo/tools/add'));
    expect([one.status, json(one)]).toEqual([200, tools.find(({ name }) => name === 'add')]);
    const none = await get(rest(test, 'demo/tools/subtract'));
    expect([none.status, codeOf(none)]).toEqual([404, 'SWB_UNKNOWN_NAME']);
  });

  it.each(['default', 'demo'])('calls a tool of %s with a JSON body, and answers with JSON', async (name) => {
    const test = await startGateway({ upstreams });
    const answer = await post(rest(test, `${name}/tools/echo`), { text: 'over REST' });
    expect(answer).toMatchObject({ status: 200, headers: { 'content-type': 'application/json' } });
    expect(json(answer)).toMatchObject({
      text: 'over REST',
      content: [{ type: 'text', text: 'over REST' }],
      isError: false,
    });
    expect(Object.keys(json(answer)).filter((key) => key.startsWith('_') || key === 'resultType')).toEqual([]);
    await expect.poll(() => test.gateway.stats.exchanges).toBe(0);
  });

  it('gives structured content where the tool has it, and takes no body for no arguments', async () => {
    const test = await startGateway({ upstreams });
    expect(json(await post(rest(test, 'demo/tools/add'), { a: 1, b: 2 }))['structuredContent']).toEqual({ sum: 3 });
    expect(json(await post(rest(test, 'default/tools/subscribed'), ''))).toMatchObject({ text: '[]' });
  });

  it('tells progress as events where they are asked for, and the result as the last', async () => {
    const test = await startGateway({ upstreams });
    const accept = { accept: 'text/event-stream' };
    const answer = await post(rest(test, 'demo/tools/count'), { to: 3, delayMs: 5 }, accept);
    expect(answer.headers['content-type']).toBe('text/event-stream');
    expect(eventsOf(answer)).toMatchObject([
      ['progress', { progress: 1, total: 3 }],
      ['progress', { progress: 2, total: 3 }],
      ['progress', { progress: 3, total: 3 }],
      ['result', { structuredContent: { counted: 3 }, isError: false }],
    ]);
    expect(answer.body).not.toContain('progressToken');
    const failed = await post(rest(test, 'default/tools/slow'), { ms: 20, steps: 1 }, accept);
    expect(eventsOf(failed).at(-1)).toMatchObject(['result', { text: 'done' }]);
  });

  it('stays JSON however long it takes where no events are asked for', async () => {
    const test = await startGateway({ upstreams, pingInterval: '50ms' });
    const answer = await post(rest(test, 'default/tools/slow'), { ms: 300, steps: 3 });
    expect([answer.headers['content-type'], json(answer)['text']]).toEqual(['application/json', 'done']);
  });

  it('cancels what a client that hangs up has called', async () => {
    const test = await startGateway({ upstreams: { default: { ...servers.scripted, isolation: 'shared' } } });
    const body = { ms: 60_000, steps: 6000 };
    const running = await stream(rest(test, 'default/tools/slow'), { method: 'POST', body });
    expect(await running.next()).toMatchObject({ progress: 1 });
    running.destroy();
    await expect.poll(() => test.gateway.stats.exchanges).toBe(0);
    const seen = async (): Promise<unknown> => json(await post(rest(test, 'default/tools/seen')))['text'];
    await expect.poll(seen).toContain('notifications/cancelled');
    await expectEmpty(test, { members: 1 });
  });

  it('gives errors as JSON with a code and a fitting status', async () => {
    const test = await startGateway({ upstreams, maxMessageSize: '4KiB' });
    const tool = rest(test, 'default/tools/echo');
    const of = async (answer: Promise<HttpAnswer>): Promise<unknown[]> => {
      const got = await answer;
      return [got.status, codeOf(got)];
    };
    expect(await of(post(rest(test, 'nobody/tools/echo')))).toEqual([404, 'SWB_UPSTREAM_NOT_FOUND']);
    expect(await of(post(rest(test, 'default/tool/echo')))).toEqual([404, 'SWB_NOT_FOUND']);
    expect(await of(post(rest(test, 'default/tools/%zz')))).toEqual([400, 'SWB_BAD_REQUEST']);
    expect(await of(post(tool, 'no json'))).toEqual([400, 'SWB_PARSE_ERROR']);
    expect(await of(post(tool, '['.repeat(1000)))).toEqual([400, 'SWB_PARSE_ERROR']);
    expect(await of(post(tool, '[1]'))).toEqual([400, 'SWB_INVALID_PARAMS']);
    expect(await of(post(tool, 'null'))).toEqual([400, 'SWB_INVALID_PARAMS']);
    expect(await of(post(tool, { text: 'x'.repeat(5000) }))).toEqual([413, 'SWB_MESSAGE_TOO_LARGE']);
    expect(await of(http(tool, { method: 'PUT' }))).toEqual([405, 'SWB_METHOD_NOT_ALLOWED']);
    expect(await of(post(rest(test, 'default/tools/crash')))).toEqual([502, 'SWB_UPSTREAM_EXITED']);
    expect(await of(post(rest(test, 'default/tools/nosuchtool')))).toEqual([404, undefined]);
  });

  it('answers 422 where the tool reports an error, with what it said', async () => {
    const test = await startGateway({ upstreams });
    const large = await post(rest(test, 'default/tools/bigFailure'), { bytes: 100_000 });
    expect([large.status, codeOf(large), json(large)['isError']]).toEqual([422, 'SWB_TOOL_FAILED', true]);
    expect((json(large)['text'] as string).length).toBe(100_000);
  });

  it('answers a tool that has a question with an error, and keeps no call for it', async () => {
    const test = await startGateway({ upstreams: { default: { ...servers.scripted, env: { MODERN: 'yes' } } } });
    const answer = await post(rest(test, 'default/tools/askModern'));
    expect([answer.status, codeOf(answer)]).toEqual([422, 'SWB_INPUT_REQUIRED']);
    expect(test.gateway.stats).toMatchObject({ exchanges: 0, parked: 0 });
  });

  it('is seen in events as a request over HTTP, with the name of the tool', async () => {
    const test = await startGateway({ upstreams });
    await post(rest(test, 'demo/tools/echo'), { text: 'x' });
    const ended = test.events.find((event) => event.type === 'request.ended');
    expect(ended).toMatchObject({ method: 'tools/call', target: 'echo', upstream: 'demo', transport: 'http' });
  });

  it('can be switched off', async () => {
    const test = await startGateway({ upstreams, rest: 'off' });
    expect((await get(rest(test, 'demo/tools'))).status).toBe(404);
  });
});

describe('REST lets in whom MCP lets in', () => {
  it('a caller with a key, who sees what its roles show', async () => {
    const roles = { default: { upstreams: ['demo'], tools: { allow: ['echo'] } } };
    const test = await startWithKeys({ upstreams, roles });
    const headers = bearer(test.ann);
    const anonymous = await get(rest(test, 'demo/tools'));
    expect([anonymous.status, anonymous.headers['www-authenticate']]).toEqual([401, expect.stringContaining('Bearer')]);
    const { tools } = json(await get(rest(test, 'demo/tools'), headers)) as { tools: Json[] };
    expect(tools.map(({ name }) => name)).toEqual(['echo']);
    expect((await post(rest(test, 'demo/tools/echo'), { text: 'x' }, headers)).status).toBe(200);
    const hidden = await post(rest(test, 'demo/tools/add'), { a: 1, b: 2 }, headers);
    expect([hidden.status, codeOf(hidden)]).toEqual([404, 'SWB_UNKNOWN_NAME']);
    expect((await get(rest(test, 'default/tools'), headers)).status).toBe(404);
    const document = json(await get(rest(test, 'demo/openapi.json'), headers));
    expect(Object.keys(document['paths'] as Json)).toEqual(['/rest/demo/tools/echo']);
    expect(document['security']).toEqual([{ bearer: [] }, { apiKey: [] }]);
  });

  it('within the same rate limit, of which headers tell', async () => {
    const test = await startWithKeys({ rateLimit: 2 });
    const [url, headers] = [rest(test, 'default/tools/echo'), bearer(test.ann)];
    const first = await post(url, { text: 'x' }, headers);
    expect([first.status, first.headers['ratelimit']]).toEqual([200, expect.stringMatching(/^"default";r=1;/)]);
    await get(rest(test, 'default/tools'), headers);
    const refused = await post(url, { text: 'x' }, headers);
    expect([refused.status, codeOf(refused)]).toEqual([429, 'SWB_RATE_LIMITED']);
    expect(Number(refused.headers['retry-after'])).toBeGreaterThan(0);
    expect((await post(url, { text: 'x' }, bearer(test.ben))).status).toBe(200);
  });

  it('and not a page of another origin, another host, or a form', async () => {
    const test = await startGateway({ upstreams });
    const url = rest(test, 'default/tools/echo');
    expect((await post(url, {}, { origin: 'https://evil.example' })).status).toBe(403);
    expect((await post(url, {}, { host: 'evil.example' })).status).toBe(403);
    expect((await get(rest(test, 'default/tools'), { origin: 'https://evil.example' })).status).toBe(403);
    for (const type of ['text/plain', 'application/x-www-form-urlencoded', 'multipart/form-data; boundary=x']) {
      expect((await post(url, '{"text":"x"}', { 'content-type': type })).status).toBe(415);
    }
    expect(test.gateway.stats.upstreams['default']).toMatchObject({ members: 0 });
  });
});

describe('the OpenAPI document', () => {
  it.each(['everything', 'demo', 'filesystem', 'scripted'] as const)('of %s is valid', async (name) => {
    const test = await startGateway({ upstreams: { it: servers[name] } });
    const document = json(await get(rest(test, 'it/openapi.json')));
    const validator = new Validator();
    const { valid, errors } = await validator.validate(document);
    expect([valid, errors, validator.version]).toEqual([true, undefined, '3.1']);
    const { tools } = json(await get(rest(test, 'it/tools'))) as { tools: { name: string }[] };
    expect(Object.keys(document['paths'] as Json)).toEqual(tools.map((tool) => `/rest/it/tools/${tool.name}`));
  });

  it('is valid with tools that are described a little wrong, and refers to what schemas define in themselves', async () => {
    const Tree = { type: 'object', properties: { child: { $ref: '#/$defs/Tree' } } };
    const tools = [
      { name: 'tree', inputSchema: { $id: 'urn:x', $ref: '#/$defs/Tree', $defs: { Tree } } },
      { name: 'tree', inputSchema: {} },
      { name: 'no schema', inputSchema: 'text', description: 7, outputSchema: [] },
      { name: '__proto__' },
    ];
    const document = describeTools(tools, about) as Json;
    const { valid, errors } = await new Validator().validate(structuredClone(document));
    expect([valid, errors]).toEqual([true, undefined]);
    expect(Object.keys(document['paths'] as Json)).toHaveLength(3);
    const $ref = '#/components/schemas/tree_0_arguments/$defs/Tree';
    expect(schemaOf(document, 'tree_0_arguments')).toEqual({
      allOf: [{ $ref }],
      $defs: { Tree: { type: 'object', properties: { child: { $ref } } } },
    });
  });

  it('leaves alone what only looks like a reference', () => {
    const inputSchema = { default: { $ref: '#' }, properties: { a: { const: { $ref: '#' } }, b: { $ref: 'urn:y' } } };
    const document = describeTools([{ name: 'x', inputSchema }], about) as Json;
    expect(schemaOf(document, 'x_0_arguments')).toEqual(inputSchema);
  });
});

const about = { upstream: 'x', isProtected: false, version: '1' };
const schemaOf = (document: Json, key: string): unknown => (document['components'] as { schemas: Json }).schemas[key];
