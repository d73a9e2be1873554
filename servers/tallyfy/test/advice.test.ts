import { describe, expect, it } from 'vitest';
import { checkAutomations, similarity } from '../src/advice/automations.ts';
import { adviseDeadline } from '../src/advice/deadlines.ts';
import { adviseFields, adviseKickoff } from '../src/advice/fields.ts';
import { assessHealth } from '../src/advice/health.ts';
import { type Condition, readTemplate, type Step, type Template } from '../src/advice/template.ts';
import { fakeApi } from './support/fake-api.ts';
import { inside } from './support/inside.ts';
import { ORGANIZATION, TEMPLATE } from './support/things.ts';

const SATURDAY = new Date('2026-11-21T09:00:00Z');

const step = (changes: Partial<Step> = {}): Step => ({
  id: 'step-1',
  title: 'Do it well',
  summary: 'How it is done.',
  type: 'task',
  position: 1,
  deadline: { value: 1, unit: 'days' },
  assignees: 1,
  fields: [],
  ...changes,
});
const template = (changes: Partial<Template> = {}): Template => ({ ...readTemplate(TEMPLATE), ...changes });

const approved: Condition = {
  subject: 'step-1',
  type: 'Step',
  operation: 'approved',
  statement: 'any_time',
  logic: 'and',
};
const rejected: Condition = { ...approved, operation: 'rejected' };
const rule = (id: string, conditions: Condition[], verb: string, target = 'step-2', detail = '{}') => ({
  id,
  name: id,
  conditions,
  actions: [{ type: 'visibility', verb, target, detail }],
});
const kinds = (...rules: ReturnType<typeof rule>[]): string[] =>
  checkAutomations(template({ rules })).findings.map(({ kind }) => kind);

describe('the health of a template', () => {
  it('is that of its parts, which are worth 100 points together', () => {
    const { score, rating, categories, issues, improvement_plan } = assessHealth(template());
    expect(categories).toEqual({
      metadata: { points: 15, of: 15 },
      step_clarity: { points: 20, of: 20 },
      form_fields: { points: 15, of: 15 },
      automation: { points: 20, of: 20 },
      deadlines: { points: 7.5, of: 15 },
      workflow_logic: { points: 15, of: 15 },
    });
    expect({ score, rating }).toEqual({ score: 93, rating: 'excellent' });
    expect(issues).toMatchObject([
      { category: 'deadlines', message: "Steps without a deadline: 'Sign the contract'." },
    ]);
    expect(improvement_plan).toHaveLength(1);
  });

  it('is critical for a template with nothing in it, and the plan begins with what helps most', () => {
    const empty = readTemplate({ id: 't', title: 'Stuff' });
    const { score, rating, improvement_plan } = assessHealth(empty);
    expect({ score, rating }).toEqual({ score: 31, rating: 'critical' });
    expect(improvement_plan[0]).toBe('Divide the work into steps.');
    expect(improvement_plan.length).toBeLessThanOrEqual(8);
  });

  it.each([
    ['title', { title: 'Contracts' }, 'metadata'],
    ['summary', { summary: '' }, 'metadata'],
    ['guidance', { guidance: '' }, 'metadata'],
    ['titles of steps', { steps: [step({ title: 'Do' }), step({ id: 'step-2', title: 'Sign it' })] }, 'step_clarity'],
    ['descriptions of steps', { steps: [step({ summary: '' }), step({ title: 'Sign it' })] }, 'step_clarity'],
    ['assignees', { steps: [step({ assignees: 0 }), step({ title: 'Sign it' })] }, 'workflow_logic'],
    ['steps that can be told apart', { steps: [step(), step({ id: 'step-2' })] }, 'workflow_logic'],
    ['rules that agree', { rules: [rule('a', [approved], 'show'), rule('b', [approved], 'hide')] }, 'automation'],
    [
      'options to choose from',
      { kickoff: [{ id: 'f', label: 'Kind', type: 'radio', required: true, guidance: 'Which.', options: 1 }] },
      'form_fields',
    ],
  ] as const)('is worse without %s', (_what, changes, category) => {
    const whole = assessHealth(template());
    const { categories, issues } = assessHealth(template(changes as Partial<Template>));
    expect(categories[category].points).toBeLessThan(whole.categories[category].points);
    expect(issues.map((issue) => issue.category)).toContain(category);
  });
});

describe('a suggested deadline', () => {
  it.each([
    ['Review the report', {}, { value: 1, unit: 'days' }, '2026-11-23T10:00:00.000+01:00'],
    ['Have a look', { type: 'approval' }, { value: 1, unit: 'days' }, '2026-11-23T10:00:00.000+01:00'],
    ['Clean the room', {}, { value: 2, unit: 'days' }, '2026-11-24T10:00:00.000+01:00'],
    ['Schedule the kick-off', {}, { value: 3, unit: 'days' }, '2026-11-25T10:00:00.000+01:00'],
    ['Draft the plan', {}, { value: 1, unit: 'weeks' }, '2026-11-27T10:00:00.000+01:00'],
    ['Check with legal', {}, { value: 2, unit: 'weeks' }, '2026-12-04T10:00:00.000+01:00'],
  ])('is by the words of the step, in working days: %s', (title, changes, deadline, due) => {
    const advice = adviseDeadline(step({ title, summary: '', ...changes }), SATURDAY, 'Europe/Berlin');
    expect(advice).toMatchObject({ deadline: { ...deadline, option: 'from' }, due_if_launched_now: due });
  });

  it('is a day longer for many form fields that take time', () => {
    const file = { id: 'f', label: 'File', type: 'file', required: true, guidance: '', options: 0 };
    const { deadline, reasoning } = adviseDeadline(
      step({ title: 'Clean up', fields: [file, file, file] }),
      SATURDAY,
      'UTC',
    );
    expect(deadline).toEqual({ value: 3, unit: 'days', option: 'from' });
    expect(reasoning).toMatch(/a day more for 3 fields/);
  });

  it('keeps the time of day when the clocks change', () => {
    const { due_if_launched_now } = adviseDeadline(step(), new Date('2027-03-26T09:00:00Z'), 'Europe/Berlin');
    expect(due_if_launched_now).toBe('2027-03-30T10:00:00.000+02:00');
  });
});

describe('suggested form fields', () => {
  it('are by the words of the step, the surest first, and at most five', () => {
    const advice = adviseFields(
      step({ title: 'Approve the invoice', summary: 'Review the cost and pay the customer.' }),
    );
    expect(advice.map(({ label, confidence }) => [label, confidence])).toEqual([
      ['Amount', 0.9],
      ['Invoice number', 0.9],
      ['Payment method', 0.9],
      ['Decision', 0.7],
      ['Reason', 0.7],
    ]);
  });

  it('are not those that the step has', () => {
    const has = { id: 'f', label: 'decision', type: 'radio', required: true, guidance: '', options: 2 };
    expect(adviseFields(step({ title: 'Approve it', summary: '', fields: [has] })).map(({ label }) => label)).toEqual([
      'Reason',
    ]);
  });

  it('are none for words that say nothing', () => {
    expect(adviseFields(step({ title: 'Do it', summary: '' }))).toEqual([]);
  });

  it('for the kick-off form are those that are known at the start', () => {
    const labels = adviseKickoff(template()).map(({ label }) => label);
    expect(labels).toContain('Contact name');
    expect(labels).not.toContain('Decision');
  });
});

describe('automation rules', () => {
  it('are fine when they hold at different times', () => {
    expect(kinds(rule('a', [approved], 'show'), rule('b', [rejected], 'hide'))).toEqual([]);
  });

  it.each([
    ['show and hide the same step', 'show', 'hide'],
    ['assign a step and clear it', 'assign', 'clear_assignees'],
    ['assign a step, and to somebody alone', 'assign', 'assign_only'],
  ])('contradict each other when they %s at the same time', (_case, one, other) => {
    expect(kinds(rule('a', [approved], one), rule('b', [approved], other))).toEqual(['conflict']);
    expect(kinds(rule('a', [approved], one), rule('b', [approved], other, 'step-1'))).toEqual(['overlap']);
  });

  it('contradict each other when they set different deadlines, also if their conditions are only much alike', () => {
    const others = ['1', '2', '3'].map((value) => ({
      ...approved,
      subject: 'kickoff-1',
      type: 'Prerun',
      statement: value,
    }));
    const more = { ...rejected, subject: 'step-2' };
    const one = rule('a', [approved, ...others], 'deadline', 'step-2', '{"value":1}');
    const other = rule('b', [approved, ...others, more], 'deadline', 'step-2', '{"value":2}');
    expect(similarity(one.conditions, other.conditions)).toBe(0.8);
    expect(kinds(one, other)).toEqual(['conflict']);
  });

  it('are redundant when they do the same under the same conditions', () => {
    expect(kinds(rule('a', [approved], 'show'), rule('b', [approved], 'show'))).toEqual(['redundancy']);
  });

  it.each([
    ['it has no conditions', rule('a', [], 'show')],
    ['a condition on a step has no time', rule('a', [{ ...approved, statement: '' }], 'show')],
    [
      'it shows a step that must be complete first',
      rule('a', [{ ...approved, operation: 'completed' }], 'show', 'step-1'),
    ],
  ])('can never do anything when %s', (_case, dead) => {
    expect(kinds(dead)).toEqual(['dead']);
  });

  it('dangle when they name what is not there', () => {
    const { findings } = checkAutomations(template({ rules: [rule('a', [approved], 'show', 'step-9')] }));
    expect(findings).toMatchObject([
      { kind: 'dangling', message: "'a' names step-9, which the template does not have." },
    ]);
  });

  it('are the more complex the more there is to them', () => {
    const rules = (count: number) =>
      Array.from({ length: count }, (_entry, at) => rule(`r${at}`, [{ ...approved, statement: `${at}` }], 'show'));
    const levels = [1, 4, 40].map((count) => checkAutomations(template({ rules: rules(count) })));
    expect(levels.map(({ complexity, level }) => [complexity, level])).toEqual([
      [9, 'low'],
      [36, 'medium'],
      [100, 'high'],
    ]);
  });
});

describe('the tools that advise', () => {
  it('tell how rules could be merged', async () => {
    const automated_actions = ['a', 'b', 'c'].map((id) => ({ ...TEMPLATE.automated_actions[0], id }));
    const { call } = await inside(await fakeApi({ 'checklists/template-1': { ...TEMPLATE, automated_actions } }));
    const { data } = await call('suggest_automation_consolidation', { template_id: 'template-1' });
    expect(data).toMatchObject({ rules: 3, rules_afterwards: 1, suggestions: { length: 3 } });
  });

  it('tell what a step depends on, what it affects, and when it is shown', async () => {
    const { call } = await inside(await fakeApi(ORGANIZATION));
    const first = { template_id: 'template-1', step_id: 'step-1' };
    const second = { template_id: 'template-1', step_id: 'step-2' };
    expect((await call('get_step_dependencies', second)).data).toEqual({
      step: { id: 'step-2', title: 'Sign the contract' },
      rules: [{ id: 'rule-1', name: 'Show the signing', actions: ['show'] }],
      depends_on: [{ id: 'step-1', title: 'Review the contract' }],
      affects: [],
    });
    expect((await call('get_step_dependencies', first)).data).toMatchObject({
      rules: [],
      affects: [{ id: 'step-2' }],
    });
    expect((await call('get_step_visibility_conditions', first)).data).toMatchObject({
      always_visible: true,
      rules: [],
    });
    expect((await call('get_step_visibility_conditions', second)).data).toMatchObject({
      always_visible: false,
      rules: [{ effect: 'show', conditions: [{ subject: 'step-1', operation: 'approved' }] }],
    });
  });

  it('fail for a step that is not there, and name those that are', async () => {
    const { call } = await inside(await fakeApi(ORGANIZATION));
    const result = await call('suggest_step_deadline', { template_id: 'template-1', step_id: 'step-9' });
    expect(result).toMatchObject({ code: 'not_found', text: expect.stringContaining("'Sign the contract' (step-2)") });
  });

  it('count from the clock that they are given', async () => {
    const { call } = await inside(await fakeApi(ORGANIZATION), { now: () => SATURDAY, timeZone: 'Asia/Kolkata' });
    const { data } = await call('suggest_step_deadline', { template_id: 'template-1', step_id: 'step-1' });
    expect(data).toMatchObject({ due_if_launched_now: '2026-11-23T14:30:00.000+05:30' });
  });
});
