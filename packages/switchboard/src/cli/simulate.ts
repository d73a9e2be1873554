import { Command } from 'commander';

import type { Simulator } from '../gateway/simulator.ts';
import { companion } from './companion.ts';

const SIMULATOR = 'mcp-switchboard-simulator';

/** What the package of the simulator offers to this command. */
interface SimulatorModule {
  main(args: readonly string[], name: string): Promise<void>;
}

/** What a gateway runs loads with; undefined where its package is not installed. */
export async function findSimulator(): Promise<Simulator | undefined> {
  try {
    return (await import(SIMULATOR)) as Simulator;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ERR_MODULE_NOT_FOUND') return undefined;
    throw error;
  }
}

export function simulateCommand(): Command {
  return (
    new Command('simulate')
      .description('Load-test an MCP endpoint: measure it, and detect answers that reach the wrong client.')
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
  const module = await companion<SimulatorModule>('simulate', SIMULATOR, `run npx ${SIMULATOR}`);
  if (module === undefined) return;
  await module.main(args, 'switchboard simulate');
}
