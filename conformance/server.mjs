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
  defaultsSchema,
  enumsSchema,
  form,
  headerSchema,
  noArguments,
  prompts,
  readResource,
  resources,
  resourceTemplate,
  sampling,
  schema2020,
  strings,
  text,
  user,
} from './fixtures.mjs';

// Questions: what each needs the client to be able to, and how it is asked.
const elicitation = (params) => ['elicitation', ({ server, related }) => server.elicitInput(params, related)];
const sample = (prompt) => ['sampling', ({ server, related }) => server.createMessage(sampling(prompt), related)];
const listRoots = ['roots', ({ server, related }) => server.listRoots(undefined, related)];

const askName = elicitation(form('What is your name?', 'name'));
const confirm = elicitation(form('Go on?', 'ok', 'boolean'));

const declares = ({ server }, [needs]) => server.getClientCapabilities()?.[needs] !== undefined;

async function put(question, call) {
  const [needs, ask] = question;
  if (!declares(call, question)) throw new Error(`The client does not declare ${needs}.`);
  return ask(call);
}

const answered = (...answers) => [text(`The answers: ${JSON.stringify(answers)}`)];

/** A tool that asks all questions at once. */
const asking =
  (...questions) =>
  async (_args, call) =>
    answered(...(await Promise.all(questions.map((question) => put(question, call)))));

async function askInRounds(_args, call) {
  const name = await put(askName, call);
  return answered(name, await put(elicitation(form('Your colour?', 'colour')), call));
}

/** Asks only for what the client declared that it can do. */
async function askWhatIsDeclared(args, call) {
  const questions = [askName, sample('Greet someone.'), listRoots];
  return asking(...questions.filter((question) => declares(call, question)))(args, call);
}

/** Logs without being asked to, as the legacy era allows. */
async function log({ extra }, ...messages) {
  for (const data of messages) {
    await extra.sendNotification({ method: 'notifications/message', params: { level: 'info', data } });
    await sleep(50);
  }
}

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
    async (_args, call) => {
      await log(call, 'started', 'working', 'done');
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
    ({ prompt }, call) => asking(sample(prompt))({}, call),
  ],
  [
    'test_elicitation',
    'Asks the user for a name and an address',
    strings('message'),
    ({ message }, call) => asking(elicitation({ message, requestedSchema: strings('username', 'email') }))({}, call),
  ],
  [
    'test_elicitation_sep1034_defaults',
    'Asks the user with a default for every primitive type',
    noArguments,
    asking(elicitation({ message: 'Change what is wrong.', requestedSchema: defaultsSchema })),
  ],
  [
    'test_elicitation_sep1330_enums',
    'Asks the user with every kind of enum',
    noArguments,
    asking(elicitation({ message: 'Choose.', requestedSchema: enumsSchema })),
  ],
  // What follows are the tools that the modern era's scenarios call, as a legacy server has them.
  ['test_x_mcp_header', 'Has an argument for a header', headerSchema, () => [text('ok')]],
  ['test_missing_capability', 'Needs sampling', noArguments, asking(sample('Say pong.'))],
  ['test_streaming_elicitation', 'Asks while it runs', noArguments, asking(confirm)],
  [
    'test_logging_tool',
    'Logs while it runs',
    noArguments,
    async (_args, call) => {
      await log(call, 'A log message.');
      return [text('ok')];
    },
  ],
  [
    'test_trigger_tool_change',
    'Announces changed tools',
    noArguments,
    async (_args, { server }) => {
      await server.sendToolListChanged();
      return [text('ok')];
    },
  ],
  [
    'test_trigger_prompt_change',
    'Announces changed prompts',
    noArguments,
    async (_args, { server }) => {
      await server.sendPromptListChanged();
      return [text('ok')];
    },
  ],
  ['test_input_required_result_elicitation', 'Asks for a name', noArguments, asking(askName)],
  [
    'test_input_required_result_sampling',
    'Asks for a sample',
    noArguments,
    asking(sample('What is the capital of France?')),
  ],
  ['test_input_required_result_list_roots', 'Asks for the roots', noArguments, asking(listRoots)],
  ['test_input_required_result_request_state', 'Asks for a yes', noArguments, asking(confirm)],
  ['test_input_required_result_tampered_state', 'Asks for a yes', noArguments, asking(confirm)],
  [
    'test_input_required_result_multiple_inputs',
    'Asks for three inputs at once',
    noArguments,
    asking(askName, sample('Greet.'), listRoots),
  ],
  ['test_input_required_result_multi_round', 'Asks twice', noArguments, askInRounds],
  ['test_input_required_result_capabilities', 'Asks for what is declared', noArguments, askWhatIsDeclared],
];

// Prompts as in the fixtures: name, description, argument names, run(arguments, call) -> messages.
const allPrompts = [
  ...prompts,
  [
    'test_input_required_result_prompt',
    'A prompt that asks for its context',
    [],
    async (_args, call) => {
      const { content } = await put(elicitation(form('Which context?', 'context')), call);
      return [user(text(content?.context ?? 'No context.'))];
    },
  ],
];

function createServer() {
  const server = new Server(
    { name: 'conformance-server', version: '1.0.0' },
    {
      capabilities: {
        tools: { listChanged: true },
        resources: { subscribe: true },
        prompts: { listChanged: true },
        completions: {},
        logging: {},
      },
    },
  );
  const on = (schema, handler) => server.setRequestHandler(schema, handler);
  const callOf = (extra) => ({ server, extra, related: { relatedRequestId: extra.requestId } });

  on(ListToolsRequestSchema, () => ({
    tools: tools.map(([name, description, inputSchema]) => ({ name, description, inputSchema })),
  }));
  on(CallToolRequestSchema, async ({ params }, extra) => {
    const run = tools.find(([name]) => name === params.name)?.[3];
    if (!run) throw new McpError(ErrorCode.InvalidParams, `No tool ${params.name}`);
    try {
      return { content: await run(params.arguments ?? {}, callOf(extra)) };
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
    prompts: allPrompts.map(([name, description, names]) => ({
      name,
      description,
      arguments: names.map((argument) => ({ name: argument, required: true })),
    })),
  }));
  on(GetPromptRequestSchema, async ({ params }, extra) => {
    const run = allPrompts.find(([name]) => name === params.name)?.[3];
    if (!run) throw new McpError(ErrorCode.InvalidParams, `No prompt ${params.name}`);
    return { messages: await run(params.arguments ?? {}, callOf(extra)) };
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
