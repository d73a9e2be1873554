/** Storms: what goes wrong on purpose, and how often. */
import { SimulatorError } from './errors.ts';
import type { Random } from './random.ts';
import { parseShare } from './units.ts';

/** What can go wrong, how often unless said otherwise, and of what that is a share; the reference page has the same table. */
export const STORMS: Readonly<Record<Storm, { of: 'calls' | 'clients'; share: number; meaning: string }>> = {
  disconnect: {
    of: 'calls',
    share: 0.01,
    meaning: 'the connection is cut without a goodbye right after the call, and made again',
  },
  'half-open': {
    of: 'calls',
    share: 0.005,
    meaning: 'the client stops reading and answering for good, leaves the connection open, and makes a new one',
  },
  'big-message': { of: 'calls', share: 0.01, meaning: 'the call is as large as `--big-message` says' },
  cancel: { of: 'calls', share: 0.05, meaning: 'the call is cancelled at once' },
  crash: { of: 'calls', share: 0.001, meaning: 'a process below `--pid` is killed' },
  'slow-reader': { of: 'clients', share: 0.1, meaning: 'the client reads nothing for 400 of every 500 ms' },
};

/** Something that goes wrong on purpose. */
export type Storm = 'disconnect' | 'half-open' | 'big-message' | 'cancel' | 'crash' | 'slow-reader';
/** The storms of a run, each with its share from 0 to 1. */
export type Chaos = Readonly<Partial<Record<Storm, number>>>;

/**
 * Reads `disconnect,cancel=10%`.
 *
 * @throws {SimulatorError} `SIM_USAGE` with what there is.
 */
export function parseChaos(text: string): Chaos {
  const entries = text.split(',').map((part) => {
    const [name = '', share] = part.trim().split('=');
    if (!Object.hasOwn(STORMS, name)) {
      const names = Object.keys(STORMS).join(', ');
      throw new SimulatorError('SIM_USAGE', `--chaos: ${JSON.stringify(name)} is none of ${names}`);
    }
    const value = share === undefined ? STORMS[name as Storm].share : parseShare(share);
    if (value === undefined) {
      throw new SimulatorError(
        'SIM_USAGE',
        `--chaos: expected a share such as 5% for ${name}, got ${JSON.stringify(share)}`,
      );
    }
    return [name, value] as const;
  });
  return Object.fromEntries(entries);
}

/** What shall happen to one call; at most one thing does. */
export function strike(chaos: Chaos, random: Random): Storm | undefined {
  let left = random();
  for (const name of Object.keys(chaos) as Storm[]) {
    if (STORMS[name].of !== 'calls') continue;
    left -= chaos[name]!;
    if (left < 0) return name;
  }
  return undefined;
}
