/**
 * Messages of MCP, of both sides and both eras, with values of other types in their fields: what a peer would send that is hostile, or
 * written in a hurry.
 */

/** What stands in a field in place of what belongs there, as it is written; not all of it is JSON. */
const ODD = [
  '{"toString":1,"valueOf":1}',
  '[{"toString":1}]',
  '{"toJSON":1,"then":1,"length":7}',
  '{"__proto__":{"polluted":true}}',
  '{"constructor":{"prototype":null}}',
  '"__proto__"',
  'null',
  '[]',
  '[null]',
  '[[]]',
  '{}',
  '{"q":null}',
  '""',
  '"x"',
  '" "',
  '"\\u0000\\ud800"',
  '"file:///%ff%"',
  '0',
  '-0',
  '-1',
  '1.5',
  '1e308',
  '1e400',
  '12345678901234567890',
  'true',
  'false',
  'NaN',
  '-Infinity',
  'undefined',
  '',
  `${'['.repeat(300)}${']'.repeat(300)}`,
  `${'['.repeat(600)}${']'.repeat(600)}`,
  `${'{"a":'.repeat(20_000)}1${'}'.repeat(20_000)}`,
  `"${'y'.repeat(40_000)}"`,
];
/** So much costs more than the rest together: it is taken less often. */
const LARGE = ODD.filter((text) => text.length > 10_000);
const SMALL = ODD.filter((text) => text.length <= 10_000);

const META = 'io.modelcontextprotocol/';
export const ENVELOPE = {
  [`${META}protocolVersion`]: '2026-07-28',
  [`${META}clientCapabilities`]: { elicitation: {}, sampling: { tools: {} }, roots: { listChanged: true } },
  [`${META}clientInfo`]: { name: 'odd', version: '1' },
  [`${META}logLevel`]: 'debug',
};
const TAG = { [`${META}subscriptionId`]: 1 };
const elicitation = { message: 'which?', requestedSchema: { type: 'object', properties: {} } };
const url = { mode: 'url', message: 'go', url: 'https://example.com/', elicitationId: 'e1' };
const sampling = { messages: [{ role: 'user', content: { type: 'text', text: 'x' } }], maxTokens: 1, tools: [] };

const request = (method, params) => ({ jsonrpc: '2.0', id: 1, method, ...(params && { params }) });
const note = (method, params) => ({ jsonrpc: '2.0', method, ...(params && { params }) });
const answer = (result) => ({ jsonrpc: '2.0', id: 1, result });
const failure = (error) => ({ jsonrpc: '2.0', id: 1, error });

/** Requests that servers answer, and what they may answer; everything that is looked into stands in one of them. */
const METHODS = {
  initialize: [
    { protocolVersion: '2025-11-25', capabilities: { roots: {} }, clientInfo: { name: 'odd', version: '1' } },
    [
      {
        protocolVersion: '2025-11-25',
        capabilities: { tools: { listChanged: true } },
        serverInfo: { name: 's', version: '1' },
        instructions: 'x',
      },
    ],
  ],
  'server/discover': [
    {},
    [
      {
        supportedVersions: ['2026-07-28'],
        capabilities: { tools: {} },
        instructions: 'x',
        ttlMs: 0,
        cacheScope: 'public',
        _meta: { [`${META}serverInfo`]: { name: 's', version: '1' } },
      },
    ],
  ],
  ping: [undefined, [{}]],
  'tools/list': [
    { cursor: 'c' },
    [
      {
        tools: [
          {
            name: 'echo',
            description: 'd',
            inputSchema: { type: 'object', properties: { a: { type: 'string', 'x-mcp-header': 'A' } } },
            outputSchema: { type: 'string' },
            annotations: { readOnlyHint: true },
            execution: {},
          },
        ],
        nextCursor: 'c',
        ttlMs: 1,
        cacheScope: 'public',
      },
    ],
  ],
  'tools/call': [
    {
      name: 'echo',
      arguments: { a: 'x' },
      requestState: 's',
      inputResponses: { q: { action: 'accept' } },
      _meta: { progressToken: 1, traceparent: '00-1-1-01' },
    },
    [
      { content: [{ type: 'text', text: 'x' }], structuredContent: { a: 1 }, isError: false, _meta: {} },
      {
        resultType: 'input_required',
        inputRequests: {
          q: { method: 'elicitation/create', params: elicitation },
          u: { method: 'elicitation/create', params: url },
        },
        requestState: 's',
      },
      {
        resultType: 'input_required',
        inputRequests: { r: { method: 'roots/list' }, s: { method: 'sampling/createMessage', params: sampling } },
      },
      { resultType: 'task', task: { taskId: 't', status: 'working', ttl: 1 } },
    ],
  ],
  'prompts/list': [{ cursor: 'c' }, [{ prompts: [{ name: 'p', arguments: [{ name: 'a' }] }], nextCursor: 'c' }]],
  'prompts/get': [
    { name: 'p', arguments: { a: 'x' } },
    [{ messages: [{ role: 'user', content: { type: 'text', text: 'x' } }] }],
  ],
  'resources/list': [{ cursor: 'c' }, [{ resources: [{ uri: 'test://a', name: 'a' }], nextCursor: 'c' }]],
  'resources/templates/list': [{}, [{ resourceTemplates: [{ uriTemplate: 'test://{a}', name: 'a' }] }]],
  'resources/read': [
    { uri: 'test://a' },
    [{ contents: [{ uri: 'test://a', text: 'x' }], ttlMs: 1, cacheScope: 'public' }],
  ],
  'resources/subscribe': [{ uri: 'test://a' }, [{}]],
  'resources/unsubscribe': [{ uri: 'test://a' }, [{}]],
  'completion/complete': [
    {
      ref: { type: 'ref/prompt', name: 'p', uri: 'test://{a}' },
      argument: { name: 'a', value: 'x' },
      context: { arguments: {} },
    },
    [{ completion: { values: ['x'], total: 1, hasMore: false } }],
  ],
  'logging/setLevel': [{ level: 'info' }, [{}]],
  'subscriptions/listen': [
    { notifications: { toolsListChanged: true, resourceSubscriptions: ['test://a'] } },
    [{ resultType: 'complete', _meta: TAG }],
  ],
  'tasks/get': [{ taskId: 't' }, [{ taskId: 't', status: 'working' }]],
  'tasks/cancel': [{ taskId: 't' }, [{}]],
  'switchboard/credentials': [{ values: { 'x-key': 'v' } }, [{}]],
};
const ERRORS = [
  { code: -32042, message: 'go', data: { elicitations: [url] } },
  { code: -32601, message: 'no', data: { code: 'SWB_TIMEOUT' } },
  { code: -32002, message: 'no such resource', data: { uri: 'test://a' } },
  { code: -32020, message: 'headers' },
  { code: -32022, message: 'version', data: { supported: ['2026-07-28'], requested: 'x' } },
];

const fromClient = [
  ...Object.entries(METHODS).flatMap(([method, [params]]) => {
    const { _meta, ...rest } = params ?? {};
    return [request(method, params), request(method, { ...rest, _meta: { ..._meta, ...ENVELOPE } })];
  }),
  note('notifications/initialized'),
  note('notifications/cancelled', { requestId: 1, reason: 'x' }),
  note('notifications/progress', { progressToken: 1, progress: 1, total: 2, message: 'x' }),
  note('notifications/roots/list_changed', { _meta: {} }),
  note('notifications/tasks/status', { taskId: 't', status: 'working' }),
  answer({ action: 'accept', content: {} }),
  failure({ code: -1, message: 'x', data: {} }),
  [request('ping'), note('notifications/initialized')],
];
const fromServer = [
  note('notifications/progress', { progressToken: 1, progress: 1, total: 2, message: 'x' }),
  note('notifications/message', { level: 'info', logger: 'l', data: 'x' }),
  note('notifications/resources/updated', { uri: 'test://a', _meta: TAG }),
  note('notifications/tools/list_changed', { _meta: TAG }),
  note('notifications/prompts/list_changed'),
  note('notifications/resources/list_changed'),
  note('notifications/cancelled', { requestId: 1, reason: 'x' }),
  note('notifications/subscriptions/acknowledged', {
    notifications: { toolsListChanged: true, resourceSubscriptions: ['test://a'] },
    _meta: TAG,
  }),
  note('notifications/elicitation/complete', { elicitationId: 'e1' }),
  note('notifications/tasks/status', { taskId: 't', status: 'working' }),
  request('elicitation/create', elicitation),
  request('elicitation/create', url),
  request('sampling/createMessage', sampling),
  request('roots/list', { _meta: { progressToken: 1 } }),
  request('ping'),
  ...ERRORS.map(failure),
];

/** Where the values of a message stand, those that have values of their own among them. */
function pathsOf(value, path = []) {
  const inner = typeof value === 'object' && value !== null ? Object.entries(value) : [];
  return [...(path.length === 0 ? [] : [path]), ...inner.flatMap(([key, each]) => pathsOf(each, [...path, key]))];
}

/** Keys that are put in where they do not belong. */
const MORE = ['constructor', 'toString', 'error', 'result', 'method', 'params', '_meta'];

/** @param dice chances that a seed decides. @returns what makes one message each, as text without line breaks. */
export function createOdd({ next, below, pick }) {
  const value = () => (next() < 0.02 ? pick(LARGE) : pick(SMALL));

  /** The message with none to three of its values replaced, or left out: those that come through unharmed are what makes servers answer. */
  function odd(message, id) {
    const copy = structuredClone(message);
    if (id !== undefined && 'id' in copy) copy.id = id;
    const values = [];
    for (let n = below(4); n > 0; n--) {
      // The id is worth less than the rest: nothing that has lost it is heard of again.
      const path = pick(pathsOf(copy));
      if (path === undefined || (path[0] === 'id' && next() < 0.7)) continue;
      const parent = path.slice(0, -1).reduce((at, key) => at?.[key], copy);
      if (typeof parent !== 'object' || parent === null) continue;
      const key = path.at(-1);
      const placed = `<${values.push(value()) - 1}>`;
      const chance = next();
      if (chance < 0.1) delete parent[key];
      else if (chance < 0.2) parent[pick(MORE)] = placed;
      else parent[key] = placed;
    }
    return JSON.stringify(copy).replaceAll(/"<(\d+)>"/g, (_, at) => values[at] ?? 'null');
  }

  return {
    fromClient: (id) => odd(pick(fromClient), id),
    fromServer: (id) => odd(pick(fromServer), id),
    /** An answer to a request of this method. */
    answerTo(method, id) {
      const results = METHODS[method]?.[1] ?? [{}];
      return odd(next() < 0.2 ? failure(pick(ERRORS)) : answer(pick(results)), id);
    },
  };
}
