/** How the commands that serve write their log, and `logs`: that of a running Switchboard. */
import { Option } from 'commander';
import type { Command } from 'commander';

import { MAX_LINES } from '../gateway/admin/recent-log.ts';
import type { Settings } from '../gateway/settings.ts';
import type { LogOptions } from '../observe/log.ts';
import { asText } from '../observe/log-text.ts';
import { AdminClient, adminCommand } from './admin-client.ts';
import type { AdminFlags } from './admin-client.ts';
import { usageError } from './exit.ts';
import { isColoured, printLive, wantsColours } from './table.ts';

interface LogsFlags extends AdminFlags {
  lines: string;
  follow?: boolean;
  level?: string;
}

export const logOptions = ({ logLevel, logFormat }: Settings): LogOptions => ({
  level: logLevel,
  format: logFormat,
  coloured: wantsColours(),
});

export const logsCommand = (): Command =>
  adminCommand('logs', 'Print the newest lines of the log of a running Switchboard.')
    .option('--lines <number>', `how many lines, at most ${MAX_LINES}`, '50')
    .option('-f, --follow', 'print new lines as they come; Ctrl-C stops')
    .addOption(
      new Option('--level <level>', 'only lines of this level and above').choices([
        'trace',
        'debug',
        'info',
        'warn',
        'error',
      ]),
    )
    .action(async ({ lines, follow, level, ...flags }: LogsFlags) => {
      if (!/^\d+$/.test(lines) || Number(lines) > MAX_LINES) {
        throw usageError(`--lines: expected a number up to ${MAX_LINES}, got ${JSON.stringify(lines)}`);
      }
      const query = { lines, level, follow: follow === true ? 'true' : undefined };
      const log = AdminClient.find(flags, process.env).stream('/logs', query);
      const coloured = isColoured();
      await printLive(log, (line) => (flags.json === true ? line : asText(line, { coloured })));
    });
