#!/usr/bin/env node
// The server under test for the legacy era (protocol 2025-11-25 and older), on SDK v1.
//   node conformance/server.mjs              serves stdio
//   node conformance/server.mjs --http PORT  serves Streamable HTTP (0 picks a port)
import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { Server } from '@modelcontextprotocol/sdk/server/index.js';
import { createMcpExpressApp } from '@modelcontextprotocol/sdk/server/express.js';
import { StdioServerTransport } from '@modelcontextprotocol/sdk/server/stdio.js';
import { StreamableHTTPServerTransport } from '@modelcontextprotocol/sdk/server/streamableHttp.js';
import {
  CallToolRequestSchema,
  CompleteRequestSchema,
  ErrorCode,
  GetPromptRequestSchema,
  ListPromptsRequestSchema,
  ListResourcesRequestSchema,
  ListResourceTemplatesRequestSchema,
  ListToolsRequestSchema,
  McpError,
  ReadResourceRequestSchema,
  SubscribeRequestSchema,
  UnsubscribeRequestSchema,
} from '@modelcontextprotocol/sdk/types.js';
import {
  contentTools,
  noArguments,
  prompts,
  readResource,
  resources,
  resourceTemplate,
  schema2020,
  strings,
  text,
} from './fixtures.mjs';

const titled = (...names) => names.map((name, index) => ({ const: `value${index + 1}`, title: name }));
const options = ['option1', 'option2', 'option3'];

const defaultsSchema = {
  type: 'object',
  properties: {
    name: { type: 'string', default: 'John Doe' },
    age: { type: 'integer', default: 30 },
    score: { type: 'number', default: 95.5 },
    status: { type: 'string', enum: ['active', 'inactive', 'pending'], default: 'active' },
    verified: { type: 'boolean', default: true },
  },
};

const enumsSchema = {
  type: 'object',
  properties: {
    untitledSingle: { type: 'string', enum: options },
    titledSingle: { type: 'string', oneOf: titled('First', 'Second', 'Third') },
    legacyEnum: {
      type: 'string',
      enum: ['opt1', 'opt2', 'opt3'],
      enumNames: ['First', 'Second', 'Third'],
    },
    untitledMulti: { type: 'array', items: { type: 'string', enum: options } },
    titledMulti: { type: 'array', items: { anyOf: titled('First', 'Second', 'Third') } },
  },
};

// Tools: name, description, input schema, run(arguments, call) -> content.
const tools = [
  ...contentTools.map(([name, description, content]) => [name, description, noArguments, () => content]),
  ['json_schema_2020_12_tool', 'Has a JSON Schema 2020-12 input', schema2020, () => [text('ok')]],
  [
    'test_error_handling',
    'Always fails',
    noArguments,
    () => {
      throw new Error('This tool fails on purpose.');
    },
  ],
  [
    'test_tool_with_logging',
    'Logs three times while it runs',
    noArguments,
    async (_args, { extra }) => {
      for (const data of ['started', 'working', 'done']) {
        await extra.sendNotification({
          method: 'notifications/message',
          params: { level: 'info', data },
        });
        await sleep(50);
      }
      return [text('Logged three times.')];
    },
  ],
  [
    'test_tool_with_progress',
    'Reports progress three times',
    noArguments,
    async (_args, { extra }) => {
      const progressToken = extra._meta?.progressToken;
      for (const progress of [0, 50, 100]) {
        if (progressToken !== undefined) {
          await extra.sendNotification({
            method: 'notifications/progress',
            params: { progressToken, progress, total: 100 },
          });
        }
        await sleep(50);
      }
      return [text('Progressed to 100.')];
    },
  ],
  [
    // Over HTTP the stream is closed mid-call, so that the client has to resume it by GET.
    'test_reconnection',
    'Closes its own response stream before it answers',
    noArguments,
    async (_args, { extra }) => {
      await sleep(100);
      extra.closeSSEStream?.();
      await sleep(100);
      return [text('Answered after the stream was closed.')];
    },
  ],
  [
    'test_sampling',
    'Asks the client to sample',
    strings('prompt'),
    async ({ prompt }, { server, related }) => {
      if (!server.getClientCapabilities()?.sampling) throw new Error('No sampling here.');
      const messages = [{ role: 'user', content: text(prompt) }];
      const { content } = await server.createMessage({ messages, maxTokens: 100 }, related);
      return [text(`LLM response: ${content.text}`)];
    },
  ],
  [
    'test_elicitation',
    'Asks the user for a name and an address',
    strings('message'),
    ({ message }, call) => elicit(call, message, strings('username', 'email')),
  ],
  [
    'test_elicitation_sep1034_defaults',
    'Asks the user with a default for every primitive type',
    noArguments,
    (_args, call) => elicit(call, 'Change what is wrong.', defaultsSchema),
  ],
  [
    'test_elicitation_sep1330_enums',
    'Asks the user with every kind of enum',
    noArguments,
    (_args, call) => elicit(call, 'Choose.', enumsSchema),
  ],
];

async function elicit({ server, related }, message, requestedSchema) {
  const { action, content } = await server.elicitInput({ message, requestedSchema }, related);
  return [text(`User response: ${action} ${JSON.stringify(content)}`)];
}

function createServer() {
  const server = new Server(
    { name: 'conformance-server', version: '1.0.0' },
    {
      capabilities: {
        tools: {},
        resources: { subscribe: true },
        prompts: {},
        completions: {},
        logging: {},
      },
    },
  );
  const on = (schema, handler) => server.setRequestHandler(schema, handler);

  on(ListToolsRequestSchema, () => ({
    tools: tools.map(([name, description, inputSchema]) => ({ name, description, inputSchema })),
  }));
  on(CallToolRequestSchema, async ({ params }, extra) => {
    const run = tools.find(([name]) => name === params.name)?.[3];
    if (!run) throw new McpError(ErrorCode.InvalidParams, `No tool ${params.name}`);
    try {
      const related = { relatedRequestId: extra.requestId };
      return { content: await run(params.arguments ?? {}, { server, extra, related }) };
    } catch (error) {
      return { isError: true, content: [text(error.message)] };
    }
  });

  const subscribed = new Set();
  on(ListResourcesRequestSchema, () => ({ resources }));
  on(ListResourceTemplatesRequestSchema, () => ({ resourceTemplates: [resourceTemplate] }));
  on(ReadResourceRequestSchema, ({ params: { uri } }) => {
    const found = readResource(uri);
    if (!found) throw new McpError(-32002, 'Resource not found', { uri });
    return found;
  });
  on(SubscribeRequestSchema, ({ params }) => (subscribed.add(params.uri), {}));
  on(UnsubscribeRequestSchema, ({ params }) => (subscribed.delete(params.uri), {}));

  on(ListPromptsRequestSchema, () => ({
    prompts: prompts.map(([name, description, names]) => ({
      name,
      description,
      arguments: names.map((argument) => ({ name: argument, required: true })),
    })),
  }));
  on(GetPromptRequestSchema, ({ params }) => {
    const messages = prompts.find(([name]) => name === params.name)?.[3];
    if (!messages) throw new McpError(ErrorCode.InvalidParams, `No prompt ${params.name}`);
    return { messages: messages(params.arguments ?? {}) };
  });
  on(CompleteRequestSchema, ({ params: { argument } }) => {
    const values = ['test', 'testing', 'other'].filter((it) => it.startsWith(argument.value));
    return { completion: { values, total: values.length, hasMore: false } };
  });
  return server;
}

/** Keeps every event of one session; an event's id names its stream and its place. */
function createEventStore() {
  const events = [];
  return {
    async storeEvent(stream, message) {
      events.push({ stream, message });
      return `${stream}/${events.length}`;
    },
    async replayEventsAfter(lastEventId, { send }) {
      const [stream, place] = lastEventId.split('/');
      for (let i = Number(place); i < events.length; i++) {
        // A priming event is stored as an empty message: there is nothing to replay.
        if (events[i].stream === stream && events[i].message.jsonrpc) {
          await send(`${stream}/${i + 1}`, events[i].message);
        }
      }
      return stream;
    },
  };
}

function serveHttp(port) {
  const sessions = new Map();
  const app = createMcpExpressApp(); // refuses a Host that is not this machine
  app.all('/mcp', async (req, res) => {
    const id = req.headers['mcp-session-id'];
    let transport = sessions.get(id);
    if (id && !transport) {
      const error = { code: -32001, message: 'Session not found' };
      return res.status(404).json({ jsonrpc: '2.0', id: null, error });
    }
    if (!transport) {
      transport = new StreamableHTTPServerTransport({
        sessionIdGenerator: randomUUID,
        eventStore: createEventStore(),
        retryInterval: 500,
        onsessioninitialized: (session) => sessions.set(session, transport),
        onsessionclosed: (session) => sessions.delete(session),
      });
      await createServer().connect(transport);
    }
    await transport.handleRequest(req, res, req.body);
  });
  const listening = app.listen(port, '127.0.0.1', () => {
    console.log(`http://127.0.0.1:${listening.address().port}/mcp`);
  });
}

const [flag, port] = process.argv.slice(2);
if (flag === '--http') serveHttp(Number(port));
else await createServer().connect(new StdioServerTransport());
