/** `configuration`: the options of a running Switchboard, where each value comes from, and changes of its file. */
import type { Command } from 'commander';

import type { ConfigurationFacts } from '../gateway/admin/configuration.ts';
import type { Change } from '../gateway/change.ts';
import type {
  ConfigurationDifference,
  ConfigurationPreview,
  ConfigurationRevision,
} from '../gateway/configuration-file.ts';
import { AdminClient, adminCommand } from './admin-client.ts';
import type { AdminFlags } from './admin-client.ts';
import { describeChange } from './control.ts';
import { usageError } from './exit.ts';
import { print, printJson, printTable } from './table.ts';

interface ConfigurationFlags extends AdminFlags {
  all?: boolean;
  set: string[];
  dryRun?: boolean;
  undo?: boolean;
  history?: boolean;
}

const collect = (each: string, all: string[]): string[] => [...all, each];

export const configurationCommand = (): Command =>
  adminCommand('configuration', 'Show the options of a running Switchboard, and change its configuration file.')
    .option('--all', 'also those that have their default')
    .option(
      '--set <name=value>',
      'change an option in the file; without a value its default holds; may be repeated',
      collect,
      [],
    )
    .option('--dry-run', 'with --set: only show what it would do')
    .option('--undo', 'take back the newest change that was made by --set or on the console')
    .option('--history', 'what was changed so since the start, and by whom')
    .action(async ({ all, set, dryRun, undo, history, ...flags }: ConfigurationFlags) => {
      const wishes = [set.length > 0, undo === true, history === true].filter(Boolean).length;
      if (wishes > 1) throw usageError('give one of --set, --undo and --history');
      if (dryRun === true && set.length === 0) throw usageError('--dry-run goes with --set');
      const client = AdminClient.find(flags, process.env);
      const show = <Answer>(answer: Answer, inWords: (answer: Answer) => void): void =>
        flags.json === true ? printJson(answer) : inWords(answer);
      if (set.length > 0 && dryRun === true) {
        const preview = await client.ask<ConfigurationPreview>('POST', '/configuration/preview', {
          options: readSet(set),
        });
        show(preview, ({ differences, change }) => {
          printDifferences(differences);
          print(describeChange(change));
        });
      } else if (set.length > 0) {
        show(await client.ask<Change>('POST', '/configuration/apply', { options: readSet(set) }), printChange);
      } else if (undo === true) {
        show(await client.ask<Change>('POST', '/configuration/undo'), printChange);
      } else if (history === true) {
        const file = await client.ask<{ revisions: ConfigurationRevision[] }>('GET', '/configuration/file');
        show(file.revisions, printHistory);
      } else {
        show(await client.ask<ConfigurationFacts>('GET', '/configuration'), (facts) =>
          printOptions(facts, all === true),
        );
      }
    });

function readSet(given: readonly string[]): Record<string, string | null> {
  return Object.fromEntries(
    given.map((text) => {
      const at = text.indexOf('=');
      if (at < 1) throw usageError(`--set: expected name=value, got ${JSON.stringify(text)}`);
      const value = text.slice(at + 1);
      return [text.slice(0, at), value === '' ? null : value];
    }),
  );
}

function printDifferences(differences: readonly ConfigurationDifference[]): void {
  for (const { what, before, after } of differences)
    print(`${what}: ${before || '(not set)'} → ${after || '(not set)'}`);
}

const printChange = (change: Change): void => print(describeChange(change));

function printHistory(revisions: readonly ConfigurationRevision[]): void {
  if (revisions.length === 0) print('nobody has changed the file from here since the start');
  for (const { time, operator, differences, undone } of revisions) {
    print(`${new Date(time).toISOString()} ${operator}${undone ? ' (taken back)' : ''}`);
    printDifferences(differences);
  }
}

function printOptions({ options }: ConfigurationFacts, all: boolean): void {
  printTable(
    ['option', 'value', 'origin'],
    options
      .filter(({ origin }) => all || origin !== 'default')
      .map(({ name, written, origin }) => [name, written, origin]),
    'every option has its default; --all lists them',
  );
}
