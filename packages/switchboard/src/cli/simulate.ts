import { Command } from 'commander';

import { EXIT } from './exit.ts';

/** A package of its own, as most who run a gateway need no load generator. */
const SIMULATOR = 'mcp-switchboard-simulator';

interface Simulator {
  main(args: readonly string[], name: string): Promise<void>;
}

export function simulateCommand(): Command {
  return (
    new Command('simulate')
      .description('Be many clients of an MCP endpoint: measures it, and catches answers that reach the wrong client.')
      .argument('[args...]')
      // All that follows is the simulator's, its --help too.
      .helpOption(false)
      .allowUnknownOption()
      .passThroughOptions()
      .action((_args, _options, command: Command) => simulate(command))
  );
}

async function simulate({ parent }: Command): Promise<void> {
  const all = (parent as Command & { rawArgs: string[] }).rawArgs;
  const args = all.slice(all.indexOf('simulate') + 1);
  let simulator: Simulator;
  try {
    simulator = (await import(SIMULATOR)) as Simulator;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ERR_MODULE_NOT_FOUND') throw error;
    process.stderr.write(
      `switchboard: simulate is in the package ${SIMULATOR}: install it beside this one, or run npx ${SIMULATOR}\n`,
    );
    process.exitCode = EXIT.failed.code;
    return;
  }
  await simulator.main(args, 'switchboard simulate');
}
