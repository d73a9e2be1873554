/** The flags that stand for options of the one table, in groups for `--help`. */
import { Option } from 'commander';

import { OPTIONS } from '../gateway/options.ts';
import type { OptionName } from '../gateway/option.ts';
import type { JsonObject } from '../protocol/jsonrpc.ts';
import { parseDuration } from '../util/units.ts';
import { usageError } from './exit.ts';
import { OPTION_GROUPS } from './option-groups.ts';

/** The longest time that a timer of Node can wait, in ms. */
export const MAX_TIMER_MS: number = 2 ** 31 - 1;

/** `--max-connections` for `maxConnections`. */
export const flagOf = (name: string): string => `--${name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`;

/** The flag of an option, with its description and default, in its group. */
export function flagFor(name: OptionName): Option {
  const { value, fallback, describe } = OPTIONS[name];
  const shown = fallback === '' || fallback === false ? '' : ` (default: ${fallback})`;
  const flag = new Option(value === undefined ? flagOf(name) : `${flagOf(name)} <${value}>`, describe + shown);
  return flag.helpGroup(OPTION_GROUPS[name] ?? 'Options:');
}

/** @throws {SwitchboardError} `SWB_USAGE` naming every flag whose value its option does not take */
export function checkFlags(flags: JsonObject): void {
  const problems = Object.entries(flags).flatMap(([name, value]) => {
    const parsed = Object.hasOwn(OPTIONS, name) ? OPTIONS[name as OptionName].type.safeParse(value) : undefined;
    return parsed?.error?.issues.map(({ message }) => `${flagOf(name)}: ${message}`) ?? [];
  });
  if (problems.length > 0) throw usageError(problems.join('; '));
}

/** @returns milliseconds; a bare number counts seconds. @throws {SwitchboardError} `SWB_USAGE` for what is no time to wait */
export function readDuration(flag: string, text: string): number {
  const ms = parseDuration(text);
  if (ms !== undefined && ms > 0 && ms <= MAX_TIMER_MS) return ms;
  throw usageError(`${flag}: expected a duration of up to 24 days such as 90s, 5m or 2h, got ${JSON.stringify(text)}`);
}
