import { describe, expect, it } from 'vitest';
import { fakeApi, ORG_ID } from './support/fake-api.ts';
import { inside } from './support/inside.ts';
import { ORGANIZATION } from './support/things.ts';

const numbered = (count: number) =>
  Array.from({ length: count }, (_entry, at) => ({ id: `tag-${at + 1}`, title: `Tag ${at + 1}` }));

describe('a call', () => {
  it('gives a page of a list, and tells of the next', async () => {
    const { call } = await inside(await fakeApi({ tags: numbered(45) }));
    const first = await call('get_tags');
    expect(first.text).toMatch(/^20 tags of 45, page 1 of 3; the next is page 2\./);
    expect(first.data).toMatchObject({ items: { length: 20 }, page: { number: 1, total: 45, pages: 3, next: 2 } });
    const last = await call('get_tags', { page: 3 });
    expect(last.data).toEqual({ items: numbered(45).slice(40), page: { number: 3, total: 45, pages: 3 } });
  });

  it('gives all pages at once, with progress after each', async () => {
    const fake = await fakeApi({ tags: numbered(250) });
    const { call } = await inside(fake);
    const progress: object[] = [];
    const { data } = await call('get_tags', { all_pages: true }, { onprogress: (note) => progress.push(note) });
    expect(data).toMatchObject({ items: { length: 250 }, page: { number: 3, pages: 3 } });
    expect(fake.asked.map(({ query }) => query['page'])).toEqual(['1', '2', '3']);
    expect(progress).toMatchObject([
      { progress: 100, total: 250, message: 'Read 100 entries' },
      { progress: 200, total: 250, message: 'Read 200 entries' },
    ]);
  });

  it('gives no more than 1000 entries at once, and tells where to go on', async () => {
    const { call } = await inside(await fakeApi({ tags: numbered(1_150) }));
    const { data } = await call('get_tags', { all_pages: true });
    expect(data).toMatchObject({ items: { length: 1_000 }, page: { number: 10, next: 11 } });
  });

  it('goes on to the next page where a list does not tell how many it has', async () => {
    const fake = await fakeApi();
    const unpaged = ({ query }: { query: Record<string, string> }) => {
      const [number, size] = [Number(query['page']), Number(query['per_page'])];
      return { body: { data: numbered(250).slice((number - 1) * size, number * size) } };
    };
    fake.next.push(unpaged, unpaged, unpaged, unpaged);
    const { call } = await inside(fake);
    expect((await call('get_tags', { all_pages: true })).data).toMatchObject({ items: { length: 250 } });
    const first = await call('get_tags', { per_page: 50 });
    expect(first.data).toMatchObject({ page: { number: 1, next: 2 } });
    expect(first.text).toMatch(/^50 tags; the next is page 2\./);
  });

  it('never decides by a part of a list', async () => {
    const members = Array.from({ length: 5_050 }, (_, id) => ({ id, first_name: `Member${id}` }));
    const { call } = await inside(await fakeApi({ ...ORGANIZATION, users: members, groups: [] }));
    expect(await call('create_task_from_text', { text: 'Call Acme in 2 days, assign it to Zoe' })).toMatchObject({
      isError: true,
      text: expect.stringContaining('more than 5000 entries in users'),
    });
  });

  it('tells whether a task is secret, and no secret', async () => {
    const task = { id: 'task-1', title: 'Call', top_secret: true, webhook_secret: 's3cret', api_key: 'k' };
    const { call } = await inside(await fakeApi({ 'tasks/task-1': task }));
    const { data } = await call('get_task', { task_id: 'task-1' });
    expect(data).toEqual({ task: { id: 'task-1', title: 'Call', top_secret: true } });
  });

  it('tells that it waits, since it was turned away', async () => {
    const fake = await fakeApi(ORGANIZATION);
    fake.next.push(() => ({ status: 429, headers: { 'retry-after': '0' }, body: { message: 'Too many.' } }));
    const { call } = await inside(fake);
    const progress: object[] = [];
    await call('get_me', {}, { onprogress: (note) => progress.push(note) });
    expect(progress).toMatchObject([{ message: expect.stringMatching(/^Waiting 0 s: GET .* 429: Too many/) }]);
  });

  it('fails with a code, what was wrong, and what to do', async () => {
    const { call } = await inside(await fakeApi(ORGANIZATION));
    expect(await call('get_process', { process_id: 'nowhere' })).toEqual({
      isError: true,
      code: 'not_found',
      data: undefined,
      text: expect.stringMatching(
        /^not_found: GET organizations\/org-1\/runs\/nowhere was answered with 404: Not found\. Look the id up/,
      ),
    });
  });

  it('fails without credentials, and asks nobody', async () => {
    const fake = await fakeApi(ORGANIZATION);
    const { call } = await inside(fake, { credentials: undefined });
    expect(await call('get_me')).toMatchObject({
      code: 'not_configured',
      text: expect.stringContaining('TALLYFY_API_KEY'),
    });
    expect(fake.asked).toEqual([]);
  });

  it('fails with the wrong key', async () => {
    const { call } = await inside(await fakeApi(ORGANIZATION), { credentials: { apiKey: 'wrong-key', orgId: ORG_ID } });
    expect(await call('get_me')).toMatchObject({ isError: true, code: 'unauthorized' });
  });

  it.each(['../me', 'a/b', 'a?b', '..', ''])("cannot leave its place with the id '%s'", async (process_id) => {
    const fake = await fakeApi(ORGANIZATION);
    const { call } = await inside(fake);
    expect(await call('get_process', { process_id })).toMatchObject({ isError: true });
    expect(fake.asked).toEqual([]);
  });

  it.each([
    ['is neither given by id nor by name', {}, 'invalid', 'one of them'],
    ['is given by both', { process_id: 'run-1', process_name: 'x' }, 'invalid', 'not both'],
    ['has a name that nothing has', { process_name: 'Party' }, 'not_found', "No process is called 'Party'"],
    [
      'has a name that several have',
      { process_name: 'Contract' },
      'ambiguous',
      "'Contract A' (run-1), 'Contract B' (run-2)",
    ],
  ])('fails when the process %s', async (_case, args, code, message) => {
    const runs = [
      { id: 'run-1', name: 'Contract A' },
      { id: 'run-2', name: 'Contract B' },
    ];
    const { call } = await inside(await fakeApi({ runs, 'runs/run-1/tasks': [] }));
    expect(await call('get_tasks_for_process', args)).toMatchObject({ code, text: expect.stringContaining(message) });
    const { data } = await call('get_tasks_for_process', { process_name: 'contract a' });
    expect(data).toMatchObject({ process: { id: 'run-1' }, items: [] });
  });

  it('cuts a long text off, but not the data', async () => {
    const { call } = await inside(await fakeApi({ me: { id: 1, about: 'x'.repeat(40_000) } }));
    const { text, data } = await call('get_me');
    expect(text).toMatch(/Cut off here/);
    expect(text.length).toBeLessThan(25_100);
    expect(data).toEqual({ member: { id: 1, about: 'x'.repeat(40_000) } });
  });

  it('does not take a step from its assignees when it cannot tell who they are', async () => {
    const fake = await fakeApi({ 'checklists/t/steps/s': { id: 's', title: 'Sign' } });
    const { call } = await inside(fake);
    const result = await call('edit_description_on_step', { template_id: 't', step_id: 's', description: 'Now' });
    expect(result).toMatchObject({ code: 'unexpected_answer', text: expect.stringContaining('nothing was sent') });
    expect(fake.asked.map(({ method }) => method)).toEqual(['GET']);
  });

  it('needs an owner for a task, and options for a choice', async () => {
    const fake = await fakeApi(ORGANIZATION);
    const { call } = await inside(fake);
    const task = { title: 'Call', owners: {}, deadline: '2026-12-01T17:00:00Z' };
    const field = { template_id: 'template-1', step_id: 'step-1', field_type: 'radio', label: 'Which?' };
    expect(await call('create_standalone_task', task)).toMatchObject({ code: 'invalid' });
    expect(await call('add_form_field_to_step', field)).toMatchObject({
      code: 'invalid',
      text: expect.stringContaining('options'),
    });
    expect(fake.asked).toEqual([]);
  });
});

describe('what is not a tool', () => {
  it('reads things by their address', async () => {
    const { client } = await inside(await fakeApi(ORGANIZATION));
    const read = async (uri: string): Promise<unknown> => {
      const { contents } = await client.readResource({ uri });
      return JSON.parse((contents[0] as { text: string }).text);
    };
    expect((await client.listResources()).resources.map(({ uri }) => uri)).toEqual([
      'tallyfy://me',
      'tallyfy://organization',
    ]);
    const { resourceTemplates } = await client.listResourceTemplates();
    expect(resourceTemplates.map(({ uriTemplate }) => uriTemplate)).toEqual([
      'tallyfy://template/{id}',
      'tallyfy://process/{id}',
      'tallyfy://task/{id}',
    ]);
    expect(await read('tallyfy://me')).toMatchObject({ full_name: 'Ada Byron' });
    expect(await read('tallyfy://organization')).toMatchObject({ name: 'Example' });
    expect(await read('tallyfy://process/run-1')).toMatchObject({ name: 'Contract with Acme' });
    await expect(read('tallyfy://process/nowhere')).rejects.toThrow('not_found');
  });

  it('completes ids and titles from what there is, and nothing where Tallyfy does not answer', async () => {
    const fake = await fakeApi(ORGANIZATION);
    const { client } = await inside(fake);
    const ids = { type: 'ref/resource', uri: 'tallyfy://process/{id}' } as const;
    const titles = { type: 'ref/prompt', name: 'review_template' } as const;
    const complete = async (ref: typeof ids | typeof titles, name: string, value: string): Promise<string[]> =>
      (await client.complete({ ref, argument: { name, value } })).completion.values;
    expect(await complete(ids, 'id', 'ru')).toEqual(['run-1']);
    expect(await complete(titles, 'template', 'cust')).toEqual(['Customer contracts']);
    expect(await complete(titles, 'template', 'x')).toEqual([]);
    fake.next.push(() => ({ status: 500, body: '' }));
    expect(await complete(titles, 'template', 'cust')).toEqual([]);
  });

  it('has prompts that name the tools to use', async () => {
    const { client } = await inside(await fakeApi(ORGANIZATION));
    const { prompts } = await client.listPrompts();
    expect(prompts.map(({ name }) => name)).toEqual(['plan_my_day', 'review_template', 'launch_a_process']);
    const args = { template: 'Customer contracts', about: 'Acme' };
    const tools = new Set((await client.listTools()).tools.map(({ name }) => name));
    for (const { name } of prompts) {
      const { messages } = await client.getPrompt({ name, arguments: args });
      const named = JSON.stringify(messages).match(/\b[a-z]+(?:_[a-z]+)+\b/g) ?? [];
      expect(named.length).toBeGreaterThan(0);
      expect(named.filter((tool) => !tools.has(tool))).toEqual([]);
    }
  });
});
