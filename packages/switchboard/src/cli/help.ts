/** `switchboard help`: the help of a command, also of one that is in another package, or below another as `keys create`. */
import { Command } from 'commander';

import { didYouMean } from '../util/nearest.ts';
import { usageError } from './exit.ts';

export const helpCommand = (): Command =>
  new Command('help')
    .description('Show the help of a command.')
    .argument('[command...]', 'such as serve, or keys create')
    .action(async (words: string[], _options, { parent }: Command) => {
      const program = parent!;
      let found = program;
      for (const word of words) {
        const next = found.commands.find((command) => command.name() === word);
        const known = found.commands.map((command) => command.name());
        if (next === undefined) throw usageError(`unknown command ${JSON.stringify(word)}.${didYouMean(word, known)}`);
        found = next;
      }
      if (found === program) program.outputHelp();
      else await program.parseAsync([...words, '--help'], { from: 'user' });
    });
