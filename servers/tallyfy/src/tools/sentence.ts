import { TZDate } from '@date-fns/tz';
import { z } from 'zod';
import { Failure } from '../failure.ts';
import { mayName } from '../language/assignment.ts';
import { Directory } from '../language/directory.ts';
import { resolvePeople } from '../language/people.ts';
import { readSentence } from '../language/sentence.ts';
import { tool, type Tool } from '../tool.ts';
import { given, owners, timeZone } from './arguments.ts';
import { task } from './things.ts';

const MAX_TITLE = 600;
const MAX_AHEAD_YEARS = 2;
const STEPS = 3;

/** A task from a sentence. No model is asked: the same sentence at the same time gives the same task. */
export const sentenceTools: readonly Tool[] = [
  tool({
    name: 'create_task_from_text',
    title: 'Create a task from a sentence',
    description:
      'Creates a one-off task from an English sentence, such as "Create a task called Review the budget, assign it to Ada and the ' +
      'Sales team, due by next Friday at 5pm". It needs a date; a day without an hour means 9:00, and a task that names nobody ' +
      'is for the member whose API key is used. With preview, it only tells what it understood.',
    effect: 'add',
    input: z.object({
      text: z.string().min(1).max(5_000).describe('The sentence'),
      user_names: z.array(z.string()).default([]).describe('Names of members who get the task as well'),
      user_emails: z.array(z.email()).default([]).describe('Addresses of members who get the task as well'),
      guest_emails: z.array(z.email()).default([]).describe('Addresses of guests who get the task as well'),
      group_names: z.array(z.string()).default([]).describe('Names of groups that get the task as well'),
      time_zone: timeZone,
      max_assignable: z.int().positive().optional(),
      prevent_guest_comment: z.boolean().optional(),
      preview: z.boolean().default(false).describe('Whether nothing shall be created'),
    }),
    output: z.object({
      task: task.optional(),
      understood: z.object({
        title: z.string(),
        description: z.string().optional(),
        deadline: z.string(),
        deadline_words: z.string(),
        time_zone: z.string(),
        owners,
        not_people: z
          .array(z.string())
          .optional()
          .describe('Names after "for" that no member and no group has; they stayed in the title'),
      }),
    }),
    run: async (args, { api, now, timeZone: usual, progress }) => {
      const time_zone = args.time_zone ?? usual;
      const directory = new Directory(api);
      const find = mayName(args.text) ? await directory.finder() : () => undefined;
      const read = readSentence(args.text, now(), time_zone, find);
      const { title, description, deadline, emails, people, groups, unknown } = read;
      if (title === '' || title.length > MAX_TITLE) {
        const fault = title === '' ? 'no title' : `a title of ${title.length} characters, and ${MAX_TITLE} is the most`;
        throw new Failure(
          'invalid',
          `The sentence has ${fault}: say what is to be done, as in 'Create a task called …'.`,
        );
      }
      if (!deadline) {
        throw new Failure(
          'invalid',
          "The sentence has no date, and a task needs one: say when, as in 'by next Friday at 5pm'.",
        );
      }
      const at = inTheFuture(deadline.at, now(), deadline.words);
      await progress('Looking up who it is for', 1, STEPS);
      const owners = await resolvePeople(directory, {
        people: [...people, ...args.user_names],
        emails: [...emails, ...args.user_emails, ...args.guest_emails],
        groups: [...groups, ...args.group_names],
      });
      const understood = {
        title,
        ...(description !== undefined && { description }),
        deadline: new TZDate(at, time_zone).toISOString(),
        deadline_words: deadline.words,
        time_zone,
        owners,
        ...(unknown.length > 0 && { not_people: unknown }),
      };
      const note = unknown.map((name) => ` Nobody is called '${name}', so it is part of the title.`).join('');
      if (args.preview) return { text: `This would be the task '${title}'.${note}`, data: { understood } };
      await progress('Creating the task', 2, STEPS);
      const { max_assignable, prevent_guest_comment } = args;
      const settings = given({ description, max_assignable, prevent_guest_comment });
      const body = { title, task_type: 'task', owners, deadline: at.toISOString(), ...settings };
      const task = await api.post('tasks', body);
      return { text: `The task '${title}' is created.${note}`, data: { task, understood } };
    },
  }),
];

function inTheFuture(at: Date, now: Date, words: string): Date {
  if (at <= now)
    throw new Failure('invalid', `'${words}' is ${at.toISOString()}, which has passed: name a later date.`);
  const latest = new Date(now);
  latest.setUTCFullYear(latest.getUTCFullYear() + MAX_AHEAD_YEARS);
  if (at > latest) {
    throw new Failure(
      'invalid',
      `'${words}' is ${at.toISOString()}, more than ${MAX_AHEAD_YEARS} years ahead: name an earlier date.`,
    );
  }
  return at;
}
