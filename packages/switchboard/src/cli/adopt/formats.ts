/** The formats by their names. Each is loaded when a file of it is met. */
import type { Format } from './format.ts';

export type FormatName = 'jsonc' | 'toml' | 'yaml';

const LOADERS: Readonly<Record<FormatName, () => Promise<Format>>> = {
  jsonc: async () => (await import('./jsonc.ts')).jsonc,
  toml: async () => (await import('./toml.ts')).toml,
  yaml: async () => (await import('./yaml.ts')).yaml,
};

export const loadFormat = (name: FormatName): Promise<Format> => LOADERS[name]();
