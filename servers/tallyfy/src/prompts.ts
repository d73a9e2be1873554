import { completable, type GetPromptResult, type McpServer } from '@modelcontextprotocol/server';
import { z } from 'zod';
import type { Tallyfy } from './api.ts';
import { choices } from './completions.ts';

/** Registers the prompts: what people do again and again, with the tools that it takes. */
export function registerPrompts(server: McpServer, tallyfy: Tallyfy): void {
  const template = completable(z.string().describe('The title of the template'), (start) =>
    choices(tallyfy, 'checklists', 'title', start),
  );

  server.registerPrompt(
    'plan_my_day',
    { title: 'Plan my day', description: 'What is due, in the order in which to do it.' },
    () =>
      asks(
        'Read my tasks with get_my_tasks, those that are overdue first, then those that are due soon. Put them into the order in ' +
          'which I should do them today, with a reason for each, and say which could wait. Change nothing.',
      ),
  );
  server.registerPrompt(
    'review_template',
    {
      title: 'Review a template',
      description: 'What is good about a template, and what to improve.',
      argsSchema: z.object({ template }),
    },
    ({ template }) =>
      asks(
        `Find the template '${template}' with get_template. Assess it with assess_template_health and ` +
          'analyze_template_automations, and ask suggest_step_deadline for each step that has no deadline. Sum up what is good, ' +
          'what is not, and the three changes that would help most. Change nothing before I agree.',
      ),
  );
  server.registerPrompt(
    'launch_a_process',
    {
      title: 'Launch a process',
      description: 'Fills in the kick-off form of a template, and launches it.',
      argsSchema: z.object({ template, about: z.string().optional().describe('What the process is about') }),
    },
    ({ template, about }) =>
      asks(
        `Find the template '${template}' with get_template, and read what it asks for with get_kickoff_fields. ` +
          `${about ? `The process is about this: ${about}. ` : ''}Ask me for what you do not know. Show me the values, and launch the ` +
          'process with launch_process when I agree.',
      ),
  );
}

function asks(text: string): GetPromptResult {
  return { messages: [{ role: 'user', content: { type: 'text', text } }] };
}
