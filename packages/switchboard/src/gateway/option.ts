/** What a row of the table of options is. */
import type { z } from 'zod';

import type { Settings, SettingsInput } from './settings.ts';

export type OptionName = keyof Settings;

/** One row of the table: how an option is written, and what it is read as. */
export interface Option<Read = unknown, Written = unknown> {
  /** How the value is called in `--help`; a switch has none. */
  value?: string;
  /** As one would write it. */
  fallback: string | number | boolean;
  describe: string;
  /** Reads what a file, the environment or a flag says, or refuses it. */
  type: z.ZodType<Read, Written>;
  /** Others can read the command lines of processes, so it has no flag. @default false */
  secret?: boolean;
}

/** Rows of the table, each with the types that its fields have in `SettingsInput` and `Settings`. */
export type Options<Name extends OptionName> = {
  readonly [Each in Name]: Option<Settings[Each], Exclude<SettingsInput[Each], undefined>>;
};
