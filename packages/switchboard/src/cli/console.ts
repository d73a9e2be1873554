/** `console`: a link to the console of a running Switchboard. */
import type { Command } from 'commander';
import { Option } from 'commander';

import type { ConsoleLink } from '../gateway/admin/route.ts';
import type { PageServer } from '../gateway/console/console.ts';
import { AdminClient, adminCommand } from './admin-client.ts';
import type { AdminFlags } from './admin-client.ts';
import { duration, print, printJson } from './table.ts';

/** The package of the pages. It is built after this one, so its types are not known here. */
const PAGES = 'mcp-switchboard-console';

export const consoleCommand = (): Command =>
  adminCommand('console', 'Print a link to the console of a running Switchboard that signs you in once.')
    .addOption(
      new Option('--role <role>', 'what its opener may do')
        .choices(['operator', 'viewer', 'auditor'])
        .default('operator'),
    )
    .action(async ({ role, ...flags }: AdminFlags & { role: string }) => {
      const link = await AdminClient.find(flags, process.env).ask<ConsoleLink>('POST', '/console-link', { role });
      if (flags.json === true) {
        printJson(link);
        return;
      }
      print(link.url);
      process.stderr.write(`It is good once, for ${duration(link.expiresAt - Date.now())}.\n`);
    });

/** What serves the files of the console; undefined where its package is not installed. */
export async function findPages(): Promise<PageServer | undefined> {
  try {
    return ((await import(PAGES)) as { serveConsole: PageServer }).serveConsole;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ERR_MODULE_NOT_FOUND') return undefined;
    throw error;
  }
}
