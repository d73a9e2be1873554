import { z } from 'zod';
import type { Thing } from '../api.ts';
import { isTimeZone } from '../language/when.ts';

/** What several tools take. Ids are 32 hexadecimal digits in Tallyfy; members have numbers. */
const id = (of: string): z.ZodString =>
  z
    .string()
    .regex(/^[\w-]{1,64}$/)
    .describe(`The id of the ${of}`);

export const taskId: z.ZodString = id('task');
export const processId: z.ZodString = id('process');
export const templateId: z.ZodString = id('template');
export const stepId: z.ZodString = id('step of the template');
export const fieldId: z.ZodString = id('form field');
export const groupId: z.ZodString = id('group');
export const tagId: z.ZodString = id('tag');
export const folderId: z.ZodString = id('folder');
export const commentId: z.ZodString = id('comment');
export const automationId: z.ZodString = id('automation rule');
export const memberId: z.ZodInt = z.int().positive().describe('The number of the member');
export const email: z.ZodEmail = z.email().describe('The email address of the guest');

/** The process that a task belongs to; a task on its own, a one-off task, has none. */
export const taskOfProcess: { task_id: z.ZodString; process_id: z.ZodOptional<z.ZodString> } = {
  task_id: taskId,
  process_id: processId.optional().describe('The id of the process of the task; leave it out for a one-off task'),
};

export const fieldOfStep: { template_id: z.ZodString; step_id: z.ZodString; field_id: z.ZodString } = {
  template_id: templateId,
  step_id: stepId,
  field_id: fieldId,
};

export const paging: {
  page: z.ZodDefault<z.ZodInt>;
  per_page: z.ZodDefault<z.ZodInt>;
  all_pages: z.ZodDefault<z.ZodBoolean>;
} = {
  page: z.int().min(1).default(1).describe('Which page'),
  per_page: z.int().min(1).max(100).default(20).describe('How many entries a page has'),
  all_pages: z.boolean().default(false).describe('All pages from this one on, up to 1000 entries, in one answer'),
};

export const deadline: z.ZodISODateTime = z.iso
  .datetime({ offset: true })
  .describe('Date and time with its offset, such as 2026-12-01T17:00:00Z; Tallyfy moves it to a working day');

export const owners: z.ZodObject<{
  users: z.ZodDefault<z.ZodArray<z.ZodInt>>;
  guests: z.ZodDefault<z.ZodArray<z.ZodEmail>>;
  groups: z.ZodDefault<z.ZodArray<z.ZodString>>;
}> = z.object({
  users: z.array(z.int()).default([]).describe('Numbers of members'),
  guests: z.array(z.email()).default([]).describe('Email addresses of guests'),
  groups: z.array(z.string()).default([]).describe('Ids of groups'),
});

/** Values of form fields, by the id or the label of the field. */
export const fieldValues: z.ZodRecord<z.ZodString, z.ZodUnknown> = z
  .record(z.string(), z.unknown())
  .describe(
    'Values by the id or the label of the form field. Text, email, date: a text. Radio and dropdown: the text of the option. ' +
      'Multiselect: a list of such texts. Table: a list with one entry a column. Assignees: {users, guests, groups}.',
  );

/** The body of a request: what was given of `args`. */
export function given(args: Thing): Thing {
  return Object.fromEntries(Object.entries(args).filter(([, value]) => value !== undefined));
}

export const timeZone: z.ZodOptional<z.ZodString> = z
  .string()
  .refine(isTimeZone, 'This is not a time zone: give a name such as Europe/Berlin')
  .optional()
  .describe('What dates are meant in, such as Europe/Berlin; else the time zone of the server');
