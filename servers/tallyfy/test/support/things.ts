/** An organization, in the shapes in which Tallyfy gives it. */
export const ADA = {
  id: 1001,
  email: 'ada@example.com',
  first_name: 'Ada',
  last_name: 'Byron',
  full_name: 'Ada Byron',
  role: 'admin',
};
export const BEN = {
  id: 1002,
  email: 'ben@example.com',
  first_name: 'Ben',
  last_name: 'Stone',
  full_name: 'Ben Stone',
  role: 'light',
};
export const BENITA = {
  id: 1003,
  email: 'benita@example.com',
  first_name: 'Benita',
  last_name: 'Stone',
  full_name: 'Benita Stone',
};

export const STEP = {
  id: 'step-1',
  title: 'Review the contract',
  summary: '<p>Read the whole contract, and approve it.</p>',
  step_type: 'approval',
  position: 1,
  deadline: { value: 1, unit: 'days', option: 'from' },
  assignees: [1001],
  guests: [],
  groups: ['group-1'],
  captures: [
    {
      id: 'field-1',
      label: 'Kind',
      field_type: 'dropdown',
      required: true,
      guidance: 'Which kind of contract it is.',
      options: [
        { id: 1, text: 'Lease', value: null },
        { id: 2, text: 'Loan', value: null },
      ],
    },
  ],
};

export const TEMPLATE = {
  id: 'template-1',
  title: 'Customer contracts',
  summary: 'How a contract with a customer is written and signed.',
  guidance: 'Launch it for each new contract.',
  prerun: [
    { id: 'kickoff-1', label: 'Customer', field_type: 'text', required: true, guidance: 'The name.', position: 1 },
  ],
  automated_actions: [
    {
      id: 'rule-1',
      automated_alias: 'Show the signing',
      conditions: [
        {
          conditionable_id: 'step-1',
          conditionable_type: 'Step',
          operation: 'approved',
          statement: 'any_time',
          logic: 'and',
        },
      ],
      then_actions: [{ action_type: 'visibility', action_verb: 'show', target_step_id: 'step-2' }],
    },
  ],
  steps: {
    data: [
      STEP,
      {
        id: 'step-2',
        title: 'Sign the contract',
        summary: 'Both sides sign.',
        step_type: 'task',
        position: 2,
        assignees: [],
        guests: ['guest@example.com'],
        groups: [],
        captures: [],
      },
    ],
  },
};

export const RUN = {
  id: 'run-1',
  name: 'Contract with Acme',
  status: 'active',
  checklist_id: 'template-1',
  progress: { percent: 50 },
};

export const TASK = {
  id: 'task-1',
  title: 'Call Acme',
  status: 'active',
  run_id: null,
  deadline: '2026-12-01T17:00:00Z',
  owners: { users: [{ id: 1001, full_name: 'Ada Byron' }], guests: [{ email: 'guest@example.com' }], groups: [] },
  threads: { data: [{ id: 'comment-1', content: 'Any news?' }] },
};

export const GROUP = { id: 'group-1', name: 'Sales', description: 'Those who sell.', members: [1001], guests: [] };

/** A guest has a link that signs in whoever has it. */
export const GUEST = {
  email: 'guest@example.com',
  first_name: 'Gus',
  last_name: null,
  link: 'https://tallyfy.example.com/guest/c0de',
};

export const ORGANIZATION: Record<string, unknown> = {
  '': { id: 'org-1', name: 'Example' },
  me: ADA,
  'me/tasks': [TASK],
  users: [ADA, BEN, BENITA],
  'users/1001': ADA,
  'users/1002': BEN,
  'users/1002/tasks': [TASK],
  guests: [GUEST],
  'guests/guest%40example.com': GUEST,
  groups: [GROUP],
  'groups/group-1': GROUP,
  tags: [{ id: 'tag-1', title: 'Urgent', color: '#ff0000' }],
  'tags/tag-1': { id: 'tag-1', title: 'Urgent', color: '#ff0000' },
  folders: [{ id: 'folder-1', name: 'Contracts' }],
  tasks: [TASK],
  'tasks/task-1': TASK,
  'runs/run-1/tasks': [{ ...TASK, id: 'task-2', run_id: 'run-1' }],
  'runs/run-1/tasks/task-2': { ...TASK, id: 'task-2', run_id: 'run-1', form_fields: STEP.captures },
  runs: [RUN],
  'runs/run-1': RUN,
  'activity-feeds': [{ id: 1, verb: 'completed' }],
  checklists: [TEMPLATE],
  'checklists/template-1': TEMPLATE,
  'checklists/template-1/steps': TEMPLATE.steps.data,
  'checklists/template-1/steps/step-1': STEP,
  snippets: [],
};
