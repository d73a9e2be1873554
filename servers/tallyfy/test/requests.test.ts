import { describe, expect, it } from 'vitest';
import { type Asked, fakeApi } from './support/fake-api.ts';
import { inside } from './support/inside.ts';
import { ORGANIZATION } from './support/things.ts';

const template = { template_id: 'template-1' };
const step = { ...template, step_id: 'step-1' };
const field = { ...step, field_id: 'field-1' };

/** Each tool, with arguments and the requests that it makes with them. */
const CALLS: [tool: string, args: Record<string, unknown>, ...requests: string[]][] = [
  [
    'get_my_tasks',
    { status: 'overdue', sort: 'deadline' },
    'GET me/tasks?status=overdue&sort=deadline&page=1&per_page=20',
  ],
  [
    'get_user_tasks',
    { user_id: 1002, page: 2, per_page: 5 },
    'GET users/1002/tasks?status=all&sort_by=newest&page=2&per_page=5',
  ],
  [
    'get_organization_tasks',
    {
      q: 'call',
      owners: [1001, 1002],
      guests: ['guest@example.com'],
      unassigned: true,
      deadline_before: '2026-12-01',
      is_oneoff: true,
      archived: 'only',
      sort: '-deadline',
    },
    'GET tasks?q=call&owners=1001,1002&guests=guest@example.com&unassigned=true&deadline_before=2026-12-01&is_oneoff=true&archived=only&sort=-deadline&page=1&per_page=20',
  ],
  [
    'get_tasks_for_process',
    { process_id: 'run-1', status: 'active' },
    'GET runs/run-1',
    'GET runs/run-1/tasks?status=active&sort=position&page=1&per_page=20',
  ],
  [
    'get_tasks_for_process',
    { process_name: 'contract with acme' },
    'GET runs?q=contract with acme&page=1&per_page=100',
    'GET runs/run-1/tasks?sort=position&page=1&per_page=20',
  ],
  ['get_task', { task_id: 'task-1' }, 'GET tasks/task-1?with=form_fields,summary'],
  ['get_task', { task_id: 'task-2', process_id: 'run-1' }, 'GET runs/run-1/tasks/task-2?with=form_fields,summary'],
  [
    'create_standalone_task',
    {
      title: 'Call Ben',
      owners: { users: [1002] },
      deadline: '2026-12-01T17:00:00Z',
      description: 'About Acme',
      process_id: 'run-1',
    },
    'POST tasks {"title":"Call Ben","description":"About Acme","task_type":"task","owners":{"users":[1002],"guests":[],"groups":[]},"deadline":"2026-12-01T17:00:00Z","run_id":"run-1"}',
  ],
  [
    'update_task',
    { task_id: 'task-1', summary: 'New' },
    'GET tasks/task-1',
    'PUT tasks/task-1 {"title":"Call Acme","deadline":"2026-12-01T17:00:00Z","owners":{"users":[1001],"guests":["guest@example.com"],"groups":[]},"summary":"New"}',
  ],
  [
    'update_task',
    { task_id: 'task-2', process_id: 'run-1', taskdata: { kind: 'lease' } },
    'GET runs/run-1/tasks/task-2?with=form_fields',
    'PUT runs/run-1/tasks/task-2 {"taskdata":{"field-1":{"id":1,"text":"Lease"}}}',
  ],
  ['complete_task', { task_id: 'task-1' }, 'POST completed-tasks {"task_id":"task-1"}'],
  [
    'complete_task',
    { task_id: 'task-2', process_id: 'run-1', is_approved: false, override_user: 1002 },
    'POST runs/run-1/completed-tasks {"task_id":"task-2","is_approved":false,"override_user":1002}',
  ],
  ['reopen_task', { task_id: 'task-1' }, 'DELETE completed-tasks/task-1'],
  ['reopen_task', { task_id: 'task-2', process_id: 'run-1' }, 'DELETE runs/run-1/completed-tasks/task-2'],
  ['archive_task', { task_id: 'task-1' }, 'DELETE tasks/task-1'],
  ['restore_task', { task_id: 'task-1' }, 'PUT tasks/task-1/restore {}'],
  ['delete_task', { task_id: 'task-1' }, 'DELETE tasks/task-1/delete'],
  [
    'create_task_from_text',
    { text: 'Remind Ben Stone to call Acme tomorrow at 10am' },
    'GET users?page=1&per_page=100',
    'GET groups?page=1&per_page=100',
    'POST tasks {"title":"Call Acme","task_type":"task","owners":{"users":[1002],"guests":[],"groups":[]},"deadline":"2026-11-22T10:00:00.000Z"}',
  ],
  ['get_task_comments', { task_id: 'task-1' }, 'GET tasks/task-1?with=threads'],
  [
    'add_task_comment',
    { task_id: 'task-1', content: 'Done? @[1002]' },
    'POST tasks/task-1/comment {"content":"Done? @[1002]"}',
  ],
  [
    'update_task_comment',
    { task_id: 'task-1', comment_id: 'comment-1', content: 'Yes' },
    'PUT tasks/task-1/comment/comment-1 {"content":"Yes"}',
  ],
  ['delete_task_comment', { task_id: 'task-1', comment_id: 'comment-1' }, 'DELETE tasks/task-1/comment/comment-1'],
  [
    'report_task_issue',
    { task_id: 'task-1', content: 'No number' },
    'POST tasks/task-1/problem {"content":"No number"}',
  ],
  [
    'resolve_task_issue',
    { task_id: 'task-1', comment_id: 'comment-1', content: 'Found it' },
    'POST tasks/task-1/resolved-threads {"thread_id":"comment-1","content":"Found it"}',
  ],
  [
    'get_organization_runs',
    { ...template, q: 'acme', status: 'active', owners: [1001], tag: 'tag-1', starred: true },
    'GET runs?q=acme&status=active&owners=1001&tag=tag-1&starred=true&sort=-created_at&checklist_id=template-1&page=1&per_page=20',
  ],
  [
    'get_process',
    { process_id: 'run-1', form_fields_values: true },
    'GET runs/run-1?with=next_task,tags,tasks_meta&form_fields_values=true',
  ],
  [
    'get_process_activity',
    { process_id: 'run-1', verb: 'completed' },
    'GET activity-feeds?entity_type=run&entity_id=run-1&verb=completed&sort=-created_at&page=1&per_page=20',
  ],
  [
    'launch_process',
    {
      ...template,
      name: 'With Beta',
      prerun: { Customer: 'Beta' },
      tasks: { 'step-1': { owners: { users: [1002] }, deadline: '2026-12-01T17:00:00Z' } },
      tags: ['tag-1'],
    },
    'GET checklists/template-1',
    'POST runs {"name":"With Beta","tasks":{"step-1":{"owners":{"users":[1002],"guests":[],"groups":[]},"deadline":"2026-12-01T17:00:00Z"}},"tags":["tag-1"],"prerun":{"kickoff-1":"Beta"},"checklist_id":"template-1"}',
  ],
  [
    'update_process',
    { process_id: 'run-1', name: 'With Acme', starred: true },
    'PUT runs/run-1 {"name":"With Acme","starred":true}',
  ],
  [
    'update_process',
    { process_id: 'run-1', prerun: { 'kickoff-1': 7 } },
    'GET runs/run-1',
    'GET checklists/template-1',
    'PUT runs/run-1 {"prerun":{"kickoff-1":"7"}}',
  ],
  ['archive_process', { process_id: 'run-1' }, 'DELETE runs/run-1'],
  ['reactivate_process', { process_id: 'run-1' }, 'PUT runs/run-1/activate {}'],
  ['delete_process', { process_id: 'run-1' }, 'DELETE runs/run-1/delete'],
  ['complete_kickoff_form', { process_id: 'run-1' }, 'POST runs/run-1/complete-prerun {}'],
  ['reopen_kickoff_form', { process_id: 'run-1' }, 'DELETE runs/run-1/complete-prerun'],
  [
    'get_all_templates',
    { q: 'contract', type: 'procedure', owner_id: 1001, archived: 'true' },
    'GET checklists?q=contract&type=procedure&owner_id=1001&archived=true&page=1&per_page=20',
  ],
  ['get_template', template, 'GET checklists/template-1?with=steps'],
  [
    'get_template',
    { template_name: 'customer contracts' },
    'GET checklists?q=customer contracts&page=1&per_page=100',
    'GET checklists/template-1?with=steps',
  ],
  [
    'create_template',
    { title: 'Onboarding', summary: 'New people' },
    'POST checklists {"title":"Onboarding","type":"procedure","summary":"New people"}',
  ],
  [
    'update_template',
    { ...template, summary: 'Newer' },
    'GET checklists/template-1',
    'PUT checklists/template-1 {"summary":"Newer","title":"Customer contracts"}',
  ],
  ['update_template', { ...template, title: 'Contracts' }, 'PUT checklists/template-1 {"title":"Contracts"}'],
  [
    'clone_template',
    { ...template, new_name: 'Copy' },
    'POST checklists/template-1/clone {"tenant":"org-1","title":"Copy"}',
  ],
  ['archive_template', template, 'DELETE checklists/template-1'],
  ['delete_template', template, 'DELETE checklists/template-1/delete'],
  ['get_template_steps', template, 'GET checklists/template-1/steps'],
  ['get_step', step, 'GET checklists/template-1/steps/step-1'],
  [
    'add_step_to_template',
    { ...template, title: 'File it', deadline: { value: 2, unit: 'days' }, assignees: [1001] },
    'POST checklists/template-1/steps {"title":"File it","deadline":{"value":2,"unit":"days","option":"from"},"assignees":[1001]}',
  ],
  [
    'update_step',
    { ...step, position: 2 },
    'GET checklists/template-1/steps/step-1',
    'PUT checklists/template-1/steps/step-1 {"title":"Review the contract","assignees":[1001],"guests":[],"groups":["group-1"],"position":2}',
  ],
  [
    'edit_description_on_step',
    { ...step, description: 'Read it all.' },
    'GET checklists/template-1/steps/step-1',
    'PUT checklists/template-1/steps/step-1 {"title":"Review the contract","assignees":[1001],"guests":[],"groups":["group-1"],"summary":"Read it all."}',
  ],
  [
    'add_assignees_to_step',
    { ...step, assignees: [1001, 1002], guests: ['guest@example.com'] },
    'GET checklists/template-1/steps/step-1',
    'PUT checklists/template-1/steps/step-1 {"title":"Review the contract","assignees":[1001,1002],"guests":["guest@example.com"],"groups":["group-1"]}',
  ],
  ['delete_step', step, 'DELETE checklists/template-1/steps/step-1'],
  [
    'add_form_field_to_step',
    { ...step, field_type: 'radio', label: 'Decision', options: ['Yes', 'No'] },
    'POST checklists/template-1/steps/step-1/captures {"field_type":"radio","label":"Decision","required":false,"options":[{"id":1,"text":"Yes"},{"id":2,"text":"No"}]}',
  ],
  [
    'update_form_field',
    { ...field, guidance: 'Which?' },
    'GET checklists/template-1/steps/step-1',
    'PUT checklists/template-1/steps/step-1/captures/field-1 {"label":"Kind","field_type":"dropdown","required":true,"options":[{"id":1,"text":"Lease","value":null},{"id":2,"text":"Loan","value":null}],"guidance":"Which?"}',
  ],
  [
    'move_form_field',
    { ...template, from_step: 'step-1', field_id: 'field-1', to_step: 'step-2', position: 3 },
    'PUT checklists/template-1/steps/step-1/captures/field-1/move-out {"target_step_id":"step-2","position":3}',
  ],
  ['delete_form_field', field, 'DELETE checklists/template-1/steps/step-1/captures/field-1'],
  ['get_dropdown_options', field, 'GET checklists/template-1/steps/step-1'],
  [
    'update_dropdown_options',
    { ...field, options: ['Loan', 'Sale'] },
    'GET checklists/template-1/steps/step-1',
    'PUT checklists/template-1/steps/step-1/captures/field-1 {"label":"Kind","field_type":"dropdown","required":true,"options":[{"id":2,"text":"Loan","value":null},{"id":3,"text":"Sale"}]}',
  ],
  ['get_kickoff_fields', template, 'GET checklists/template-1'],
  [
    'add_kickoff_field',
    { ...template, field_type: 'table', label: 'Items', columns: ['Item', 'Amount'] },
    'GET checklists/template-1',
    'PUT checklists/template-1 {"title":"Customer contracts","prerun":[{"id":"kickoff-1","label":"Customer","field_type":"text","required":true,"guidance":"The name.","position":1},{"position":2,"field_type":"table","label":"Items","required":false,"columns":[{"id":1,"label":"Item"},{"id":2,"label":"Amount"}]}]}',
  ],
  [
    'update_kickoff_field',
    { ...template, field_id: 'kickoff-1', label: 'Client' },
    'GET checklists/template-1',
    'PUT checklists/template-1 {"title":"Customer contracts","prerun":[{"id":"kickoff-1","label":"Client","field_type":"text","required":true,"guidance":"The name.","position":1}]}',
  ],
  ['delete_kickoff_field', { ...template, field_id: 'kickoff-1' }, 'DELETE checklists/template-1/preruns/kickoff-1'],
  ['get_automation_rules', template, 'GET checklists/template-1'],
  [
    'create_automation_rule',
    {
      ...template,
      name: 'Show',
      conditions: [
        { on: 'step', id: 'step-1', operation: 'completed' },
        { on: 'kickoff_field', id: 'kickoff-1', operation: 'is_empty', logic: 'or' },
      ],
      actions: [
        { verb: 'show', target_step_id: 'step-2' },
        { verb: 'deadline', target_step_id: 'step-2', deadline: { value: 3, unit: 'days', option: 'from' } },
      ],
    },
    'POST checklists/template-1/automated-actions {"automated_alias":"Show","conditions":[{"conditionable_id":"step-1","conditionable_type":"Step","operation":"completed","statement":"any_time","logic":"and"},{"conditionable_id":"kickoff-1","conditionable_type":"Prerun","operation":"is_empty","statement":null,"logic":"or"}],"then_actions":[{"action_type":"visibility","action_verb":"show","target_step_id":"step-2"},{"action_type":"deadline","action_verb":"deadline","target_step_id":"step-2","deadline":{"value":3,"unit":"days","option":"from"}}]}',
  ],
  [
    'update_automation_rule',
    {
      ...template,
      automation_id: 'rule-1',
      actions: [{ verb: 'assign', target_step_id: 'step-2', assignees: { users: [1001] } }],
    },
    'PUT checklists/template-1/automated-actions/rule-1 {"then_actions":[{"action_type":"assignment","action_verb":"assign","target_step_id":"step-2","assignees":{"users":[1001],"guests":[],"groups":[]}}]}',
  ],
  [
    'delete_automation_rule',
    { ...template, automation_id: 'rule-1' },
    'DELETE checklists/template-1/automated-actions/rule-1',
  ],
  ['assess_template_health', template, 'GET checklists/template-1?with=steps'],
  ['suggest_step_deadline', step, 'GET checklists/template-1?with=steps'],
  ['suggest_form_fields_for_step', step, 'GET checklists/template-1?with=steps'],
  ['suggest_kickoff_fields', template, 'GET checklists/template-1?with=steps'],
  ['analyze_template_automations', template, 'GET checklists/template-1?with=steps'],
  ['suggest_automation_consolidation', template, 'GET checklists/template-1?with=steps'],
  ['get_step_dependencies', step, 'GET checklists/template-1?with=steps'],
  ['get_step_visibility_conditions', { ...template, step_id: 'step-2' }, 'GET checklists/template-1?with=steps'],
  ['search_for_tasks', { query: 'acme' }, 'GET search?on=task&search=acme&per_page=20'],
  ['search_for_processes', { query: 'acme' }, 'GET search?on=process&search=acme&per_page=20'],
  ['search_for_templates', { query: 'contract', per_page: 5 }, 'GET search?on=blueprint&search=contract&per_page=5'],
  [
    'search_all',
    { query: 'acme', types: ['tasks', 'templates'] },
    'GET search?on=task,blueprint&search=acme&per_page=20',
  ],
  ['get_me', {}, 'GET me'],
  ['get_organization', {}, 'GET '],
  ['get_organization_users', { q: 'a', with_groups: true }, 'GET users?q=a&with=groups&page=1&per_page=20'],
  ['get_user', { user_id: 1001 }, 'GET users/1001'],
  [
    'invite_user_to_organization',
    { email: 'cleo@example.com', first_name: 'Cleo', last_name: 'Reed', role: 'standard', message: 'Welcome' },
    'POST users/invite {"email":"cleo@example.com","first_name":"Cleo","last_name":"Reed","role":"standard","message":"Welcome"}',
  ],
  ['change_user_role', { user_id: 1002, role: 'standard' }, 'PUT users/1002/role {"role":"standard"}'],
  ['disable_user', { user_id: 1002 }, 'DELETE users/1002/disable'],
  ['enable_user', { user_id: 1002 }, 'PUT users/1002/enable {}'],
  ['get_organization_guests', { with_stats: true }, 'GET guests?with=stats&page=1&per_page=20'],
  ['get_guest', { email: 'guest@example.com' }, 'GET guests/guest%40example.com'],
  [
    'create_guest',
    { email: 'new@example.com', company_name: 'Acme' },
    'POST guests {"email":"new@example.com","company_name":"Acme"}',
  ],
  [
    'update_guest',
    { email: 'guest@example.com', associated_members: [1001] },
    'PUT guests/guest%40example.com {"associated_members":[1001]}',
  ],
  ['disable_guest', { email: 'guest@example.com' }, 'DELETE guests/guest%40example.com/disable'],
  ['enable_guest', { email: 'guest@example.com' }, 'PUT guests/guest%40example.com/enable {}'],
  ['delete_guest', { email: 'guest@example.com' }, 'DELETE guests/guest%40example.com'],
  ['get_groups', {}, 'GET groups?page=1&per_page=20'],
  ['get_group', { group_id: 'group-1' }, 'GET groups/group-1'],
  [
    'create_group',
    { name: 'Legal', description: 'Lawyers', members: [1001] },
    'POST groups {"name":"Legal","description":"Lawyers","members":[1001]}',
  ],
  [
    'update_group',
    { group_id: 'group-1', members: [1002] },
    'GET groups/group-1',
    'PUT groups/group-1 {"members":[1002],"description":"Those who sell."}',
  ],
  ['delete_group', { group_id: 'group-1' }, 'DELETE groups/group-1'],
  ['get_tags', { auto_generated: true }, 'GET tags?all=true&page=1&per_page=20'],
  ['create_tag', { title: 'Late', color: '#00ff00' }, 'POST tags {"title":"Late","color":"#00ff00"}'],
  ['update_tag', { tag_id: 'tag-1', title: 'Later' }, 'PUT tags/tag-1 {"title":"Later"}'],
  ['delete_tag', { tag_id: 'tag-1' }, 'DELETE tags/tag-1'],
  [
    'tag_template',
    { ...template, tag_id: 'tag-1' },
    'POST checklists/tags {"subject_id":"template-1","subject_type":"Checklist","tag_id":"tag-1","tag_type":"private"}',
  ],
  [
    'tag_process',
    { process_id: 'run-1', tag_id: 'tag-1' },
    'POST checklists/tags {"subject_id":"run-1","subject_type":"Run","tag_id":"tag-1","tag_type":"private"}',
  ],
  ['untag', { association_id: 'association-1' }, 'DELETE checklists/tags/association-1'],
  [
    'get_folders',
    { folder_type: 'process' },
    'GET folders?folder_type=run&with=children&sort=position&page=1&per_page=20',
  ],
  ['create_folder', { name: '2027', folder_type: 'process' }, 'POST folders {"name":"2027","folder_type":"run"}'],
  ['update_folder', { folder_id: 'folder-1', name: '2028' }, 'PUT folders/folder-1 {"name":"2028"}'],
  ['delete_folder', { folder_id: 'folder-1' }, 'DELETE folders/folder-1'],
  [
    'add_process_to_folder',
    { folder_id: 'folder-1', process_id: 'run-1' },
    'POST folders/add-object {"folder_id":"folder-1","subject_id":"run-1","subject_type":"Run"}',
  ],
  [
    'add_template_to_folder',
    { ...template, folder_id: 'folder-1' },
    'GET checklists/template-1',
    'PUT checklists/template-1 {"title":"Customer contracts","folder_id":"folder-1"}',
  ],
  ['remove_from_folder', { association_id: 7 }, 'DELETE folders-objects/7'],
];

describe('the tools', () => {
  it.each(CALLS)('%s with %j asks Tallyfy what its documentation says', async (...row) => {
    const [tool, args, ...requests] = row;
    const fake = await fakeApi(ORGANIZATION);
    const { call } = await inside(fake, { now: () => new Date('2026-11-21T09:00:00Z') });
    const { isError, text, data } = await call(tool, args);
    expect(isError, text).toBe(false);
    expect(data).toEqual(expect.any(Object));
    expect(text).toContain(JSON.stringify(data));
    expect(fake.asked.map(line)).toEqual(requests);
  });

  it('are checked above for every tool that there is', async () => {
    const { client } = await inside(await fakeApi());
    const { tools } = await client.listTools();
    expect([...new Set(CALLS.map(([tool]) => tool))].sort()).toEqual(tools.map(({ name }) => name).sort());
  });
});

function line({ method, path, query, body }: Asked): string {
  const search = Object.entries(query).map(([name, value]) => `${name}=${value}`);
  const where = search.length > 0 ? `${path}?${search.join('&')}` : path;
  return body === undefined ? `${method} ${where}` : `${method} ${where} ${JSON.stringify(body)}`;
}
