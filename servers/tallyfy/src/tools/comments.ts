import { z } from 'zod';
import { path } from '../api.ts';
import { tool, type Tool } from '../tool.ts';
import { commentId, taskId, taskOfProcess } from './arguments.ts';
import { listIn } from '../listing.ts';
import { anything, comment, done, ended, listOf, one, whole } from './things.ts';
import { taskPath } from './tasks.ts';

const content = z
  .string()
  .min(1)
  .max(30_000)
  .describe('The text. @[1001] mentions the member with that number, who is told of it');

/** Comments on tasks, and problems reported there. */
export const commentTools: readonly Tool[] = [
  tool({
    name: 'get_task_comments',
    title: 'List the comments on a task',
    description: 'Lists the comments on a task and the problems reported there.',
    effect: 'read',
    input: z.object(taskOfProcess),
    output: listOf(comment),
    run: async (args, { api }) => {
      const { threads, comments } = await api.get(taskPath(args), { with: 'threads' });
      return whole('comment', listIn(threads ?? comments));
    },
  }),
  tool({
    name: 'add_task_comment',
    title: 'Comment on a task',
    description: 'Adds a comment to a task.',
    effect: 'add',
    input: z.object({ task_id: taskId, content }),
    output: z.object({ comment: anything }),
    run: async ({ task_id, content }, { api }) =>
      one('comment', await api.post(path`tasks/${task_id}/comment`, { content })),
  }),
  tool({
    name: 'update_task_comment',
    title: 'Change a comment',
    description: 'Replaces the text of a comment on a task.',
    effect: 'change',
    input: z.object({ task_id: taskId, comment_id: commentId, content }),
    output: z.object({ comment: anything }),
    run: async ({ task_id, comment_id, content }, { api }) =>
      one('comment', await api.put(path`tasks/${task_id}/comment/${comment_id}`, { content })),
  }),
  tool({
    name: 'delete_task_comment',
    title: 'Delete a comment',
    description: 'Deletes a comment on a task for good.',
    effect: 'end',
    input: z.object({ task_id: taskId, comment_id: commentId }),
    output: done,
    asks: ({ comment_id }) => ({
      doing: 'Delete the comment',
      name: comment_id,
      consequence: 'It cannot be restored.',
    }),
    run: async ({ task_id, comment_id }, { api }) =>
      ended('The comment is deleted.', await api.delete(path`tasks/${task_id}/comment/${comment_id}`)),
  }),
  tool({
    name: 'report_task_issue',
    title: 'Report a problem with a task',
    description: 'Reports a problem with a task. The task cannot be completed until the problem is resolved.',
    effect: 'add',
    input: z.object({ task_id: taskId, content }),
    output: z.object({ comment: anything }),
    run: async ({ task_id, content }, { api }) =>
      one('comment', await api.post(path`tasks/${task_id}/problem`, { content })),
  }),
  tool({
    name: 'resolve_task_issue',
    title: 'Resolve a problem with a task',
    description: 'Resolves a problem that was reported with report_task_issue.',
    effect: 'change',
    input: z.object({ task_id: taskId, comment_id: commentId.describe('The id that report_task_issue gave'), content }),
    output: z.object({ comment: anything }),
    run: async ({ task_id, comment_id, content }, { api }) =>
      one('comment', await api.post(path`tasks/${task_id}/resolved-threads`, { thread_id: comment_id, content })),
  }),
];
