/** `configuration`: the options of a running Switchboard, and where each value comes from. */
import type { Command } from 'commander';

import type { ConfigurationFacts } from '../gateway/admin/configuration.ts';
import { AdminClient, adminCommand } from './admin-client.ts';
import type { AdminFlags } from './admin-client.ts';
import { duration, printJson, printTable, size } from './table.ts';

export const configurationCommand = (): Command =>
  adminCommand('configuration', 'Show the options of a running Switchboard, and where each value comes from.')
    .option('--all', 'also those that have their default')
    .action(async ({ all, ...flags }: AdminFlags & { all?: boolean }) => {
      const facts = await AdminClient.find(flags, process.env).ask<ConfigurationFacts>('GET', '/configuration');
      if (flags.json === true) {
        printJson(facts);
        return;
      }
      printTable(
        ['option', 'value', 'origin'],
        facts.options
          .filter(({ origin }) => all === true || origin !== 'default')
          .map(({ name, value, unit, origin }) => [name, valueText(value, unit), origin]),
        'every option has its default; --all lists them',
      );
    });

function valueText(value: ConfigurationFacts['options'][number]['value'], unit: 'ms' | 'bytes' | undefined): string {
  if (typeof value === 'number' && unit !== undefined) return unit === 'ms' ? duration(value) : size(value);
  return typeof value === 'object' ? value.join(',') : String(value);
}
