/** Which tools the model is offered where there are many. */
import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { McpServer } from '@modelcontextprotocol/server';
import { createTallyfyServer } from 'mcp-switchboard-tallyfy';
import { describe, expect, it, onTestFinished } from 'vitest';
import { z } from 'zod';

import { memoryStore } from '../../switchboard/src/stores/memory.ts';
import { LIMITS, providerModel } from '../src/index.ts';
import type { ChatOptions, Model, ModelCall, ModelRequest } from '../src/index.ts';
import { nameFor } from '../src/tools/names.ts';
import { rankTools } from '../src/tools/ranking.ts';
import { ToolSelection } from '../src/tools/selection.ts';
import { RawClient, startChat } from './support/chat.ts';
import { startProbe } from './support/probe.ts';
import { fakeAnthropic } from './support/provider.ts';

type Does = string | Omit<ModelCall, 'id'>[];

/** A model that does one thing after the other, and keeps what it was given. */
function scripted(...does: Does[]): { model: Model; asked: ModelRequest[]; does: Does[] } {
  const asked: ModelRequest[] = [];
  const model: Model = {
    name: 'scripted',
    async *answer(request) {
      asked.push({ ...request, messages: [...request.messages] });
      const next = does.shift() ?? 'done';
      if (typeof next === 'string') yield { type: 'text', text: next };
      else
        for (const [n, call] of next.entries()) yield { type: 'call', call: { ...call, id: `c${asked.length}_${n}` } };
      yield { type: 'end', cut: false };
    },
  };
  return { model, asked, does };
}

const THINGS = ['apple', 'bridge', 'candle', 'dragon', 'engine', 'forest', 'guitar', 'hammer', 'island', 'jacket'];

/** Thirty tools: three for each thing. */
function things(ran: string[] = [], also: (server: McpServer) => void = () => {}): ChatOptions['upstreams'] {
  return {
    things: {
      server: () => {
        const server = new McpServer({ name: 'things', version: '1' });
        for (const thing of THINGS) {
          for (const verb of ['read', 'make', 'drop']) {
            const name = `${verb}_${thing}`;
            const annotations = verb === 'drop' ? { destructiveHint: true } : { readOnlyHint: true };
            const description = `To ${verb} the ${thing}`;
            server.registerTool(
              name,
              { description, inputSchema: z.object({ n: z.unknown().optional() }), annotations },
              () => {
                ran.push(name);
                return { content: [{ type: 'text', text: `${name} was used` }] };
              },
            );
          }
        }
        also(server);
        return server;
      },
    },
  };
}

const namesIn = ({ tools }: ModelRequest): string[] => tools.map(({ name }) => name);

async function start(model: Model, options: Partial<ChatOptions> = {}): Promise<(text: string) => Promise<RawClient>> {
  const { url } = await startChat({ model, maxTools: 6, upstreams: things(), ...options });
  const client = await RawClient.v2(url);
  return async (text) => {
    client.send({ type: 'query', content: text });
    await client.get('response');
    return client;
  };
}

describe('the tools that the model is offered', () => {
  it('are all of them where there are few', async () => {
    const { model, asked } = scripted();
    const ask = await start(model, { maxTools: 30 });
    await ask('hello');
    expect(namesIn(asked[0]!)).toHaveLength(30);
    expect(namesIn(asked[0]!)).not.toContain('find_tools');
  });

  it('are those that fit the question, within the limit, and one that knows the names of all', async () => {
    const { model, asked } = scripted();
    const ask = await start(model);
    await ask('Please drop the guitars');
    expect(namesIn(asked[0]!)).toEqual(['find_tools', 'drop_guitar', 'read_guitar']);
    const { description } = asked[0]!.tools[0]!;
    for (const thing of THINGS) expect(description).toContain(`read_${thing}, make_${thing}, drop_${thing}`);
    await ask('Make a bridge');
    await ask('Make an engine');
    await ask('Make a jacket');
    const names = namesIn(asked.at(-1)!);
    expect(names).toHaveLength(7);
    expect(names).toContain('make_jacket');
    expect(names).not.toContain('drop_guitar');
  });

  it('stay the same, in the same order, while the questions are about them, and grow at the end', async () => {
    const { model, asked } = scripted();
    const ask = await start(model);
    for (const text of ['Drop the guitar', 'Which guitar did you drop?', 'Thank you!', 'And now the hammer'])
      await ask(text);
    const [first, second, third, fourth] = asked.map(({ tools }) => tools);
    expect(second).toEqual(first);
    expect(third).toEqual(first);
    expect(fourth!.slice(0, first!.length)).toEqual(first);
    expect(fourth!.length).toBeGreaterThan(first!.length);
  });

  it('go on with those that were used, also where others are brought in, until the conversation is cleared', async () => {
    const { model, asked } = scripted([{ name: 'read_apple', arguments: {} }]);
    const ask = await start(model);
    await ask('Read the apple');
    for (const thing of THINGS.slice(1)) await ask(`make ${thing}`);
    expect(namesIn(asked.at(-1)!)).toContain('read_apple');
    const client = await ask('make jacket');
    client.send({ type: 'query', content: 'clear' });
    await client.get('info');
    await ask('hello');
    expect(namesIn(asked.at(-1)!)).toEqual(['find_tools']);
  });

  it('are the same for a conversation that goes on after the process has ended as far as they were used', async () => {
    const kept = { retentionHours: 1, gateway: { stateStore: { ...memoryStore(), close: async () => {} } } };
    const { model, asked } = scripted([{ name: 'read_apple', arguments: {} }]);
    const first = await startChat({ model, maxTools: 6, upstreams: things(), ...kept });
    const client = await RawClient.v2(first.url);
    const { session_id, resume_token } = await client.get('connection_established');
    client.send({ type: 'query', content: 'Read the apple' });
    await client.get('response');
    await first.chat.close();
    const second = await startChat({ model, maxTools: 6, upstreams: things(), ...kept });
    const again = await RawClient.v2(second.url);
    again.send({ type: 'resume', session_id, resume_token, after: 0 });
    await again.get('resumed');
    again.send({ type: 'query', content: 'hello' });
    await again.get('response');
    expect(namesIn(asked.at(-1)!)).toEqual(['find_tools', 'read_apple']);
  });
});

describe('find_tools', () => {
  const find = (query: unknown): Does => [{ name: 'find_tools', arguments: { query } }];

  it('brings in tools by words or by names, which can be used in the next step, with a yes where one is needed', async () => {
    const ran: string[] = [];
    const { model, asked } = scripted(
      find('dropping forests'),
      [{ name: 'drop_forest', arguments: {} }],
      find('drop_island, read_apple'),
    );
    const { url } = await startChat({ model, maxTools: 6, upstreams: things(ran), approvals: 'always' });
    const client = await RawClient.v2(url);
    client.send({ type: 'query', content: 'Zeig mir etwas' });
    // It runs nothing, so nobody is asked about it.
    expect(await client.get('tool_result')).toMatchObject({ name: 'find_tools', is_error: false });
    const { name, approval } = await client.get('approval_request');
    expect(name).toBe('drop_forest');
    expect(ran).toEqual([]);
    client.send({ type: 'approval', approval, approved: true });
    await client.get('response');
    expect(ran).toEqual(['drop_forest']);
    expect(asked.map(namesIn)).toEqual([
      ['find_tools'],
      ['find_tools', 'drop_forest', 'read_forest'],
      ['find_tools', 'drop_forest', 'read_forest'],
      ['find_tools', 'drop_forest', 'read_forest', 'read_apple', 'drop_island'],
    ]);
    expect(client.allAreKnown).toBe(true);
  });

  it('says so where nothing fits, and where it was asked for nothing', async () => {
    const { model } = scripted(find('zebra'), find(7));
    const { url } = await startChat({ model, maxTools: 6, upstreams: things() });
    const client = await RawClient.v2(url);
    client.send({ type: 'query', content: 'hello' });
    expect(await client.get('tool_result')).toMatchObject({
      is_error: false,
      text: expect.stringContaining('No tool'),
    });
    expect(await client.get('tool_result')).toMatchObject({ is_error: true });
  });

  it('knows nothing of tools that are kept from the person, and nothing of credentials', async () => {
    const { model, asked } = scripted(find('drop_guitar, read_hammer, sesame-open-secret'), [
      { name: 'drop_guitar', arguments: {} },
    ]);
    const ran: string[] = [];
    const server = things(ran, (mcp) =>
      mcp.registerTool('tell_sesame-open-secret', { description: 'Has sesame-open-secret in it' }, () => ({
        content: [],
      })),
    )['things'] as object;
    const probe = await startProbe(() => true);
    const upstreams = { things: { ...server, tools: { deny: ['drop_*'] } } } as unknown as ChatOptions['upstreams'];
    const { url } = await startChat({ model, maxTools: 6, upstreams, credentials: { probe } });
    const client = await RawClient.v2(url);
    client.send({ type: 'auth', api_key: 'sesame-open-secret', org_id: 'organization' });
    await client.get('auth_success');
    client.send({ type: 'query', content: 'Drop the guitar' });
    const found = await client.get('tool_result');
    expect(found.text).toContain('read_hammer');
    expect(await client.get('tool_result')).toMatchObject({ is_error: true, text: 'There is no tool "drop_guitar".' });
    await client.get('response');
    expect(ran).toEqual([]);
    expect(JSON.stringify([asked, client.texts])).not.toContain('sesame-open-secret');
    expect(JSON.stringify(asked.map(({ tools }) => tools))).not.toContain('drop_');
  });

  it('leaves its name to a tool of a server', async () => {
    const ran: string[] = [];
    const { model, asked } = scripted([{ name: 'find_tools', arguments: {} }]);
    const upstreams = things(ran, (mcp) =>
      mcp.registerTool('find_tools', { description: 'Finds spanners' }, () => {
        ran.push('find_tools');
        return { content: [] };
      }),
    );
    const ask = await start(model, { upstreams, approvals: 'never' });
    await ask('Where are the spanners?');
    expect(ran).toEqual(['find_tools']);
    expect(namesIn(asked[0]!)).toEqual([expect.stringMatching(/^find_tools_[0-9a-f]{8}$/), 'find_tools']);
  });
});

describe('a tool that was not offered', () => {
  it('is not run when the model calls it all the same, but offered in the next step, and what it must not set is not shown', async () => {
    const ran: string[] = [];
    const { model, asked } = scripted(
      [{ name: 'make_jacket', arguments: { n: 'forged value', guessed: true } }],
      [{ name: 'make_jacket', arguments: {} }],
    );
    const credentials = { arguments: { '*': { n: '${auth.api_key}' } }, fallback: { api_key: '7', org_id: 'org' } };
    const { url } = await startChat({ model, maxTools: 6, upstreams: things(ran), credentials });
    const client = await RawClient.v2(url);
    client.send({ type: 'query', content: 'hello' });
    expect(await client.get('tool_call')).toMatchObject({ server: 'things', arguments: { guessed: true } });
    const refused = await client.get('tool_result');
    expect(refused).toMatchObject({ is_error: true, text: expect.stringContaining('not loaded') as string });
    expect(await client.get('tool_result')).toMatchObject({ is_error: false, text: 'make_jacket was used' });
    expect(ran).toEqual(['make_jacket']);
    expect(namesIn(asked[1]!)).toEqual(['find_tools', 'make_jacket']);
    expect(client.texts.join()).not.toContain('forged value');
  });
});

describe('the ranking', () => {
  const tool = (name: string, description = '', title?: string) => ({
    name,
    description,
    inputSchema: {},
    ...(title !== undefined && { title }),
  });
  const best = (text: string, ...tools: ReturnType<typeof tool>[]) =>
    rankTools(tools, [[text, 1]]).map(({ name }) => name);

  it('finds words in any form, in any spelling of a name, and in scripts without spaces', () => {
    expect(best('assigning TASKS', tool('x'), tool('assign_task'), tool('taskList'))).toEqual([
      'assign_task',
      'taskList',
    ]);
    expect(best('cafés', tool('list_cafe'), tool('other'))).toEqual(['list_cafe']);
    expect(best('予定を見せて', tool('a', '会議の予定を調べる'), tool('b', '天気を調べる'))).toEqual(['a']);
  });

  it('puts rare words before common ones, and names before descriptions', () => {
    const tools = [tool('a', 'makes a report'), tool('report', 'makes it'), tool('b', 'makes a budget')];
    expect(best('make a report', ...tools)[0]).toBe('report');
    expect(best('make the budget', ...tools)[0]).toBe('b');
    expect(best('the of and', ...tools)).toEqual([]);
  });
});

/** Questions to Tallyfy, and a tool that each of them needs. */
const QUESTIONS = [
  ['What are my tasks this week?', 'get_my_tasks'],
  ['Which tasks of the process "Onboarding Ada" are overdue?', 'get_tasks_for_process'],
  ['Create a task called Review the budget, assign it to Mary and make it due next Friday', 'create_task_from_text'],
  ['Launch a new employee onboarding process for Ada Lovelace', 'launch_process'],
  ['Add a step "Collect signatures" to the hiring template', 'add_step_to_template'],
  ['Invite bob@example.com to our organization as a light member', 'invite_user_to_organization'],
  ['Leave a comment on the task "Draft the offer": the client wants it shorter', 'add_task_comment'],
  ['Please mark the task "Send contract" as done', 'complete_task'],
  ['How healthy is our invoice approval template?', 'assess_template_health'],
  ['Make Jim an administrator', 'change_user_role'],
] as const;

/** The API of Tallyfy as far as it matters for the length of results: whatever is asked, ten things. */
async function tenThings(): Promise<string> {
  const thing = (n: number): object => ({
    id: `0123456789abcdef0123456789abcde${n}`,
    title: `Collect the signatures for the contract of customer ${n}`,
    name: `Onboarding of customer ${n}`,
    summary: 'Ask the customer, and whoever has to sign here, for their signatures; then file the contract.'.repeat(2),
    status: 'not-started',
    deadline: '2027-01-15T17:00:00Z',
    owners: { users: [1001, 1002], guests: [], groups: [] },
  });
  const body = JSON.stringify({ data: Array.from({ length: 10 }, (_, n) => thing(n)) });
  const service = createServer((_, response) => response.setHeader('content-type', 'application/json').end(body));
  await new Promise<void>((resolve) => service.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => {
    service.closeAllConnections();
    service.close();
  });
  return `http://127.0.0.1:${(service.address() as AddressInfo).port}/api`;
}

/** What ten questions in one conversation cost, with so many tools at most. */
async function measure(maxTools: number): Promise<{ tools: number; question: number; searches: number }> {
  const baseUrl = await tenThings();
  const provider = await fakeAnthropic();
  const model = providerModel({ provider: 'anthropic', url: provider.url, apiKey: 'key', model: 'm' });
  const credentials = { apiKey: 'key', orgId: 'org' };
  const upstreams = { tallyfy: { server: () => createTallyfyServer({ credentials, baseUrl }) } };
  const { url } = await startChat({ model, maxTools, upstreams, approvals: 'never' });
  const client = await RawClient.v2(url);
  let searches = 0;
  for (const [question, needed] of QUESTIONS) {
    let isUsed = false;
    let isSearched = false;
    provider.respond = ({ body: { tools = [] } }) => {
      if (isUsed) return [{ text: 'Here is what I have found out. '.repeat(20) }];
      isUsed = tools.some(({ name }) => name === needed);
      if (isUsed) return [{ call: needed, arguments: {} }];
      expect(isSearched).toBe(false);
      isSearched = true;
      searches++;
      return [{ call: 'find_tools', arguments: { query: needed } }];
    };
    client.send({ type: 'query', content: question });
    await client.get('response');
    expect(isUsed).toBe(true);
  }
  const sizes = provider.asked.map(({ body }) => JSON.stringify(body).length);
  const tools = provider.asked.map(({ body }) => JSON.stringify(body.tools).length);
  const sum = (numbers: number[]): number => numbers.reduce((all, each) => all + each, 0);
  return { tools: sum(tools) / tools.length, question: sum(sizes) / QUESTIONS.length, searches };
}

describe('a conversation that has used more tools than a request offers', () => {
  const tools = Array.from({ length: 30 }, (_, n) => ({
    name: `tool_${n}`,
    description: `Does ${n}`,
    inputSchema: {},
  }));
  const max = 6;
  const namesOf = (selection: ToolSelection): string[] => selection.offered(tools, max).tools.map(({ name }) => name);

  it('goes on to use further ones: those leave that were not used for longest', () => {
    const selection = new ToolSelection();
    for (const tool of tools) {
      selection.use(tool, tools, max);
      expect(namesOf(selection)).toContain(tool.name);
    }
    expect(namesOf(selection)).toEqual(['tool_24', 'tool_25', 'tool_26', 'tool_27', 'tool_28', 'tool_29']);
    expect(selection.find(tools, 'tool_3', max).map(({ name }) => name)).toContain('tool_3');
    expect(namesOf(selection)).toContain('tool_3');
  });

  it('offers the latest when it goes on later, and what its next question calls for', () => {
    const calls = [...tools.slice(0, 10), tools[0]!].map(({ name }, n) => ({ id: `${n}`, name, arguments: {} }));
    const selection = new ToolSelection([{ role: 'assistant', text: '', calls } as never]);
    selection.bringIn(tools, 'does 20', '', max);
    expect(namesOf(selection)).toEqual(expect.arrayContaining(['tool_20', 'tool_9', 'tool_0']));
    expect(namesOf(selection)).not.toContain('tool_1');
  });
});

it('a name is given once, also where a server has a tool that is called like the result', () => {
  const taken = new Set<string>(['find_tools']);
  for (let n = 0; n < 3; n++) {
    const name = nameFor('find_tools', undefined, (each) => taken.has(each));
    expect(taken.has(name)).toBe(false);
    taken.add(name);
  }
});

describe('with the 103 tools of Tallyfy', () => {
  it.each([
    ['all of them', 0, 500],
    ['those that fit', 1, LIMITS.maxTools],
  ])('a question that offers %s costs what the guide says', async (_, column, maxTools) => {
    const page = readFileSync(new URL('../../../docs/guide/chat.md', import.meta.url), 'utf8');
    const { tools, question, searches } = await measure(maxTools);
    for (const [row, measured] of [
      ['characters of tools in each request', tools],
      ['characters of all requests for a question', question],
      ['tokens for a question, estimated', question / 3.5],
      ['searches with `find_tools`', searches],
    ] as const) {
      const [, ...figures] = new RegExp(`^\\| ${row} \\| ([\\d,]+) \\| ([\\d,]+) \\|$`, 'm').exec(page) ?? [];
      const figure = Number(figures[column]?.replaceAll(',', ''));
      expect(Math.abs(figure - measured), `${row}: ${measured}`).toBeLessThanOrEqual(measured / 20);
    }
    if (column === 1) expect(Math.floor(LIMITS.tokensPerHour / (question / 3.5))).toBeGreaterThanOrEqual(29);
  });
});
