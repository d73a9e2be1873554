/** `tools`: the tools of a running Switchboard, and why some callers do not get them. */
import type { Command } from 'commander';

import type { Survey } from '../gateway/tool-survey.ts';
import { AdminClient, adminCommand } from './admin-client.ts';
import type { AdminFlags } from './admin-client.ts';
import { usageError } from './exit.ts';
import { print, printJson, printTable } from './table.ts';

interface ToolsFlags extends AdminFlags {
  role?: string;
  principal?: string;
}

export const toolsCommand = (): Command =>
  adminCommand('tools', 'List the tools of a running Switchboard, and what hides them.')
    .option('--role <role>', 'as callers with this role see them')
    .option('--principal <principal>', 'as this caller sees them, who must be connected')
    .action(async ({ role, principal, ...flags }: ToolsFlags) => {
      if (role !== undefined && principal !== undefined) throw usageError('give either --role or --principal');
      const asked = Object.entries({ role, principal }).filter(
        (each): each is [string, string] => each[1] !== undefined,
      );
      const query = new URLSearchParams(asked).toString();
      const survey = await AdminClient.find(flags, process.env).ask<Survey>('GET', `/tools${query && `?${query}`}`);
      if (flags.json === true) {
        printJson(survey);
        return;
      }
      printTable(
        ['tool', 'upstream', 'hidden by', 'description'],
        survey.tools.map(({ name, upstream, hidden = '', description }) => [name, upstream, hidden, description]),
        'no server has tools',
      );
      for (const { upstream, reason } of survey.failed) print(`\n${upstream} could not be asked: ${reason}`);
    });
