import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { TOOLS } from '../src/tools/index.ts';
import { fakeApi } from './support/fake-api.ts';
import { inside } from './support/inside.ts';

const all = Object.values(TOOLS).flat();
const namesOf = (effect: string): string[] => all.filter((tool) => tool.effect === effect).map(({ name }) => name);

describe('the tool list', () => {
  it('has these tools, and says of each whether it reads, adds, changes or ends', () => {
    expect({ read: namesOf('read'), add: namesOf('add'), change: namesOf('change'), end: namesOf('end') }).toEqual(
      PINNED,
    );
  });

  it('is in the README as the code has it', () => {
    const script = fileURLToPath(new URL('../scripts/readme.mjs', import.meta.url));
    const { status, stderr } = spawnSync(process.execPath, [script, '--check'], { encoding: 'utf8' });
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
  });

  it('tells a client of each tool what it does, takes and gives', async () => {
    const { client } = await inside(await fakeApi());
    const { tools } = await client.listTools();
    expect(tools.map(({ name }) => name)).toEqual(all.map(({ name }) => name));
    for (const { name, effect } of all) {
      expect(tools.find((tool) => tool.name === name)).toMatchObject({
        title: expect.any(String),
        description: expect.stringMatching(/\.$/),
        inputSchema: { type: 'object' },
        outputSchema: { type: 'object' },
        annotations: {
          readOnlyHint: effect === 'read',
          destructiveHint: effect === 'end',
          idempotentHint: effect !== 'add',
          openWorldHint: true,
        },
      });
    }
  });

  it('has a question for each tool that ends something, and for no other', () => {
    expect(all.filter(({ asks }) => asks !== undefined).map(({ name }) => name)).toEqual(namesOf('end'));
  });

  it('has no tool that takes credentials', async () => {
    const { client } = await inside(await fakeApi());
    const { tools } = await client.listTools();
    const taken = tools.flatMap(({ inputSchema }) => Object.keys(inputSchema.properties ?? {}));
    expect(taken.filter((name) => /^(api_?key|token|password|secret|org(anization)?(_id)?)$/i.test(name))).toEqual([]);
  });
});

const PINNED = {
  read: [
    'get_my_tasks',
    'get_user_tasks',
    'get_organization_tasks',
    'get_tasks_for_process',
    'get_task',
    'get_task_comments',
    'get_organization_runs',
    'get_process',
    'get_process_activity',
    'get_all_templates',
    'get_template',
    'get_template_steps',
    'get_step',
    'get_dropdown_options',
    'get_kickoff_fields',
    'get_automation_rules',
    'assess_template_health',
    'suggest_step_deadline',
    'suggest_form_fields_for_step',
    'suggest_kickoff_fields',
    'analyze_template_automations',
    'suggest_automation_consolidation',
    'get_step_dependencies',
    'get_step_visibility_conditions',
    'search_for_tasks',
    'search_for_processes',
    'search_for_templates',
    'search_all',
    'get_me',
    'get_organization',
    'get_organization_users',
    'get_user',
    'get_organization_guests',
    'get_guest',
    'get_groups',
    'get_group',
    'get_tags',
    'get_folders',
  ],
  add: [
    'create_standalone_task',
    'create_task_from_text',
    'add_task_comment',
    'report_task_issue',
    'launch_process',
    'create_template',
    'clone_template',
    'add_step_to_template',
    'add_form_field_to_step',
    'add_kickoff_field',
    'create_automation_rule',
    'invite_user_to_organization',
    'create_guest',
    'create_group',
    'create_tag',
    'tag_template',
    'tag_process',
    'create_folder',
  ],
  change: [
    'update_task',
    'reopen_task',
    'restore_task',
    'update_task_comment',
    'resolve_task_issue',
    'update_process',
    'reactivate_process',
    'reopen_kickoff_form',
    'update_template',
    'update_step',
    'edit_description_on_step',
    'add_assignees_to_step',
    'update_form_field',
    'move_form_field',
    'update_dropdown_options',
    'update_kickoff_field',
    'update_automation_rule',
    'change_user_role',
    'enable_user',
    'update_guest',
    'enable_guest',
    'update_group',
    'update_tag',
    'untag',
    'update_folder',
    'add_process_to_folder',
    'add_template_to_folder',
    'remove_from_folder',
  ],
  end: [
    'complete_task',
    'archive_task',
    'delete_task',
    'delete_task_comment',
    'archive_process',
    'delete_process',
    'complete_kickoff_form',
    'archive_template',
    'delete_template',
    'delete_step',
    'delete_form_field',
    'delete_kickoff_field',
    'delete_automation_rule',
    'disable_user',
    'disable_guest',
    'delete_guest',
    'delete_group',
    'delete_tag',
    'delete_folder',
  ],
};
