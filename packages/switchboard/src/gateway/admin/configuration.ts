/** The configuration as it holds, for operators: normalised, with the origin of each value, and without anything secret. */
import { basename } from 'node:path';

import type { RoleRules } from '../../router/roles.ts';
import type { Rules } from '../../router/rules.ts';
import { OPTIONS, OPTION_NAMES } from '../options.ts';
import type { Settings } from '../settings.ts';
import type { UpstreamOptions } from '../upstream-options.ts';
import { writeDuration, writeSize } from '../../util/units.ts';

/** Where values come from, by the names of options, such as `flag --port`. */
export type Origins = Readonly<Record<string, string>>;

/** One option. */
interface OptionFacts {
  name: string;
  /** As it is used: durations in ms, sizes in bytes. */
  value: string | number | boolean | readonly string[];
  unit?: 'ms' | 'bytes';
  /** The value as one writes it: it is read as exactly this value. */
  written: string;
  default: string | number | boolean;
  origin: string;
  describe: string;
  /** Whether it has no flag, as others can read those. */
  secret?: boolean;
}

/** One server, without its arguments, variables and headers, which may hold secrets. */
interface ConfiguredUpstream {
  name: string;
  kind: 'command' | 'url' | 'in process';
  /** The program, or the address without credentials and query. */
  at?: string;
  isolation: string;
  tools?: Rules;
}

export interface ConfigurationFacts {
  options: OptionFacts[];
  upstreams: ConfiguredUpstream[];
  roles: Record<string, RoleRules>;
}

export interface ConfigurationInput {
  settings: Settings;
  origins: Origins;
  configured: Readonly<Record<string, UpstreamOptions>>;
  roles: ReadonlyMap<string, RoleRules>;
}

/** What stands for a value that nobody sees. */
export const HIDDEN = '(set, not shown)';

export function configurationOf({ settings, origins, configured, roles }: ConfigurationInput): ConfigurationFacts {
  return {
    options: OPTION_NAMES.map((name) => {
      const { fallback, describe, value: kind = '' } = OPTIONS[name];
      const unit = kind.startsWith('duration') ? 'ms' : kind.startsWith('size') ? 'bytes' : undefined;
      const value = shownValue(name, settings[name]);
      return {
        name,
        value,
        ...(unit !== undefined && typeof value === 'number' && { unit }),
        written: asWritten(value, unit),
        default: fallback,
        origin: Object.hasOwn(origins, name) ? origins[name]! : 'default',
        describe,
        ...(OPTIONS[name].secret === true && { secret: true }),
      };
    }),
    upstreams: Object.entries(configured).map(([name, upstream]) => ({
      name,
      ...placeOf(upstream),
      isolation: upstream.isolation ?? settings.isolation,
      ...(upstream.tools !== undefined && { tools: upstream.tools }),
    })),
    roles: Object.fromEntries(roles),
  };
}

function shownValue(name: (typeof OPTION_NAMES)[number], value: unknown): OptionFacts['value'] {
  // A token may be given by its variable, though not as a flag.
  const isSecret = OPTIONS[name].secret === true || name === 'token';
  if (isSecret) return value === '' || value === 'auto' ? value : HIDDEN;
  if (value === undefined) return String(OPTIONS[name].fallback);
  if (value === Infinity) return OPTIONS[name].value?.endsWith('|never') === true ? 'never' : 'unlimited';
  if (typeof value === 'number' || typeof value === 'boolean') return value;
  // Every page that shows a trace has it, and it holds no password.
  if (typeof value === 'string') return name === 'traceUrl' ? value : withoutCredentials(value);
  return Array.isArray(value) ? value.map((each) => withoutCredentials(String(each))) : 'given by the program';
}

function asWritten(value: OptionFacts['value'], unit: OptionFacts['unit']): string {
  if (typeof value === 'number' && unit !== undefined) return unit === 'ms' ? writeDuration(value) : writeSize(value);
  if (typeof value === 'boolean') return value ? 'on' : 'off';
  return typeof value === 'object' ? value.join(',') : String(value);
}

/** What stands in front of an address's host, and its query, may be secret. */
const withoutCredentials = (text: string): string =>
  text.replace(/^([a-z][a-z0-9+.-]*:\/\/)[^/?#]*@/i, '$1').replace(/^([a-z][a-z0-9+.-]*:\/\/[^?#]*)[?#].*$/is, '$1');

function placeOf(upstream: UpstreamOptions): Pick<ConfiguredUpstream, 'kind' | 'at'> {
  if ('command' in upstream) return { kind: 'command', at: basename(upstream.command) };
  if ('url' in upstream) return { kind: 'url', at: withoutCredentials(upstream.url) };
  return { kind: 'in process' };
}
