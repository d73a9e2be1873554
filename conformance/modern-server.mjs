#!/usr/bin/env node
// The server under test for the modern era (protocol 2026-07-28), on SDK v2.
//   node conformance/modern-server.mjs              serves stdio
//   node conformance/modern-server.mjs --http PORT  serves Streamable HTTP (0 picks a port)
import { createServer } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import { localhostHostValidation, localhostOriginValidation, toNodeHandler } from '@modelcontextprotocol/node';
import {
  CLIENT_CAPABILITIES_META_KEY,
  createMcpHandler,
  createRequestStateCodec,
  fromJsonSchema,
  inputRequired,
  McpServer,
  ResourceTemplate,
} from '@modelcontextprotocol/server';
import { serveStdio } from '@modelcontextprotocol/server/stdio';
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
} from './fixtures.mjs';

// Fixed, so that any process of this server can go on with a call that another one began.
const states = createRequestStateCodec({ key: 'the-request-state-key-of-a-test-server' });

const answer = (value) => ({ content: [text(value)] });

const fill = (message, requestedSchema) => inputRequired.elicit({ message, requestedSchema });
const elicit = (...args) => inputRequired.elicit(form(...args));
const sample = (prompt) => inputRequired.createMessage(sampling(prompt));

/** Whether `response` answers the input request `{ method, params }`. */
function answers(response, { method, params }) {
  if (method === 'roots/list') return Array.isArray(response?.roots);
  if (method === 'sampling/createMessage') return response?.content !== undefined;
  const fields = params.requestedSchema.required ?? [];
  return response?.action === 'accept' && fields.every((field) => field in response.content);
}

/** Asks for every input until all are there, then answers with what it got. */
const asking = (inputRequests, state) => async (_args, ctx) => {
  const given = ctx.mcpReq.inputResponses ?? {};
  const missing = Object.keys(inputRequests).filter((key) => !answers(given[key], inputRequests[key]));
  const stateHeld = !state || ctx.mcpReq.requestState()?.name === state;
  if (missing.length === 0 && stateHeld) {
    return answer(`${state ? 'state-ok ' : ''}${JSON.stringify(given)}`);
  }
  return inputRequired({
    inputRequests,
    ...(state && { requestState: await states.mint({ name: state }) }),
  });
};

/** One question a round; the round is kept in the request state alone. */
async function askInRounds(_args, ctx) {
  const steps = { step1: elicit('Your name?', 'name'), step2: elicit('Your colour?', 'colour') };
  const round = ctx.mcpReq.requestState()?.round ?? 0;
  const key = Object.keys(steps)[round];
  if (!key) return answer('All rounds are done.');
  const requestState = await states.mint({ round: round + 1 });
  return inputRequired({ inputRequests: { [key]: steps[key] }, requestState });
}

/** Asks only for what the client declared that it can do. */
async function askWhatIsDeclared(args, ctx) {
  const declared = ctx.mcpReq.envelope?.[CLIENT_CAPABILITIES_META_KEY] ?? {};
  const requests = {
    ...(declared.elicitation && { user_name: elicit('Your name?', 'name') }),
    ...(declared.sampling && { greeting: sample('Greet someone.') }),
    ...(declared.roots && { client_roots: inputRequired.listRoots() }),
  };
  return asking(requests)(args, ctx);
}

async function reportProgress(_args, ctx) {
  const progressToken = ctx.mcpReq._meta?.progressToken;
  for (const progress of [0, 50, 100]) {
    if (progressToken !== undefined) {
      const params = { progressToken, progress, total: 100 };
      await ctx.mcpReq.notify({ method: 'notifications/progress', params });
    }
    await sleep(50);
  }
  return answer('Progressed to 100.');
}

const askName = { user_name: elicit('What is your name?', 'name') };
const confirm = { confirm: elicit('Go on?', 'ok', 'boolean') };

// Tools: name, description, run(arguments, context), input schema when there is one.
const tools = [
  ...contentTools.map(([name, description, content]) => [name, description, () => ({ content })]),
  ['json_schema_2020_12_tool', 'Has a JSON Schema 2020-12 input', () => answer('ok'), schema2020],
  ['test_x_mcp_header', 'Mirrors an argument to a header', () => answer('ok'), headerSchema],
  ['test_error_handling', 'Always fails', () => ({ ...answer('It fails.'), isError: true })],
  ['test_tool_with_progress', 'Reports progress three times', reportProgress],
  ['test_streaming_elicitation', 'Answers without asking anything', () => answer('ok')],
  [
    'test_logging_tool',
    'Logs, if the request allows it',
    async (_args, ctx) => {
      await ctx.mcpReq.log('info', 'A log message.');
      return answer('ok');
    },
  ],
  [
    'test_tool_with_logging',
    'Logs three times, if the request allows it',
    async (_args, ctx) => {
      for (const data of ['started', 'working', 'done']) {
        await ctx.mcpReq.log('info', data);
        await sleep(50);
      }
      return answer('Logged three times.');
    },
  ],
  [
    'test_sampling',
    'Asks for a sample',
    ({ prompt }, ctx) => asking({ sample: sample(prompt) })({}, ctx),
    strings('prompt'),
  ],
  [
    'test_elicitation',
    'Asks for a name and an address',
    ({ message }, ctx) => asking({ contact: fill(message, strings('username', 'email')) })({}, ctx),
    strings('message'),
  ],
  [
    'test_elicitation_sep1034_defaults',
    'Asks with a default for every primitive type',
    asking({ form: fill('Change what is wrong.', defaultsSchema) }),
  ],
  ['test_elicitation_sep1330_enums', 'Asks with every kind of enum', asking({ form: fill('Choose.', enumsSchema) })],
  ['test_missing_capability', 'Needs sampling', asking({ answer: sample('Say pong.') })],
  ['test_input_required_result_elicitation', 'Asks for a name', asking(askName)],
  [
    'test_input_required_result_sampling',
    'Asks for a sample',
    asking({ capital_question: sample('What is the capital of France?') }),
  ],
  ['test_input_required_result_list_roots', 'Asks for the roots', asking({ client_roots: inputRequired.listRoots() })],
  ['test_input_required_result_request_state', 'Keeps a state', asking(confirm, 'kept')],
  ['test_input_required_result_tampered_state', 'Guards its state', asking(confirm, 'guarded')],
  [
    'test_input_required_result_multiple_inputs',
    'Asks for three inputs at once',
    asking({ ...askName, greeting: sample('Greet.'), client_roots: inputRequired.listRoots() }, 'three'),
  ],
  ['test_input_required_result_multi_round', 'Asks twice', askInRounds],
  ['test_input_required_result_capabilities', 'Asks for what is declared', askWhatIsDeclared],
];

/** `changed(server)` says how this way of serving announces a changed list. */
function createConformanceServer(changed) {
  const server = new McpServer(
    { name: 'modern-conformance-server', version: '1.0.0' },
    {
      capabilities: {
        tools: { listChanged: true },
        prompts: { listChanged: true },
        resources: { subscribe: true },
        completions: {},
        logging: {},
      },
      requestState: { verify: states.verify },
    },
  );

  const announce = changed(server);
  const triggers = [
    ['test_trigger_tool_change', 'Announces changed tools', () => (announce.tools(), answer('ok'))],
    ['test_trigger_prompt_change', 'Announces changed prompts', () => (announce.prompts(), answer('ok'))],
  ];
  for (const [name, description, run, schema = noArguments] of [...tools, ...triggers]) {
    server.registerTool(name, { description, inputSchema: fromJsonSchema(schema) }, run);
  }

  for (const { uri, name, ...metadata } of resources) {
    server.registerResource(name, uri, metadata, () => readResource(uri));
  }
  const { uriTemplate, name: templateName, ...metadata } = resourceTemplate;
  const template = new ResourceTemplate(uriTemplate, { list: undefined });
  server.registerResource(templateName, template, metadata, ({ href }) => readResource(href));

  for (const [name, description, names, messages] of prompts) {
    const argsSchema = names.length > 0 ? fromJsonSchema(strings(...names)) : undefined;
    const config = { description, ...(argsSchema && { argsSchema }) };
    server.registerPrompt(name, config, (args) => ({ messages: messages(args) }));
  }
  const context = elicit('Which context?', 'context');
  server.registerPrompt(
    'test_input_required_result_prompt',
    { description: 'A prompt that asks for its context' },
    (ctx) => {
      const given = ctx.mcpReq.inputResponses?.user_context;
      if (!answers(given, context)) {
        return inputRequired({ inputRequests: { user_context: context } });
      }
      return { messages: [{ role: 'user', content: text(given.content.context) }] };
    },
  );
  server.server.setRequestHandler('completion/complete', ({ params: { argument } }) => {
    const values = ['test', 'testing', 'other'].filter((it) => it.startsWith(argument.value));
    return { completion: { values, total: values.length, hasMore: false } };
  });
  return server;
}

function serveHttp(port) {
  const handler = createMcpHandler(
    () =>
      createConformanceServer(() => ({
        tools: () => handler.notify.toolsChanged(),
        prompts: () => handler.notify.promptsChanged(),
      })),
    { legacy: 'reject' },
  );
  const serve = toNodeHandler(handler);
  const hostAllowed = localhostHostValidation();
  const originAllowed = localhostOriginValidation();
  const http = createServer((req, res) => {
    if (hostAllowed(req, res) && originAllowed(req, res)) void serve(req, res);
  });
  http.listen(port, '127.0.0.1', () => {
    console.log(`http://127.0.0.1:${http.address().port}/mcp`);
  });
}

const [flag, port] = process.argv.slice(2);
if (flag === '--http') serveHttp(Number(port));
else {
  serveStdio(
    () =>
      createConformanceServer((server) => ({
        tools: () => server.sendToolListChanged(),
        prompts: () => server.sendPromptListChanged(),
      })),
    { legacy: 'reject' },
  );
}
