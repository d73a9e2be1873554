/** `switchboard add`: a server from a description of it, into the configuration. */
import { isIP } from 'node:net';

import { checkUpstream } from '../../gateway/upstream-options.ts';
import { SwitchboardError } from '../../protocol/errors.ts';
import { isObject } from '../../protocol/jsonrpc.ts';
import type { JsonObject } from '../../protocol/jsonrpc.ts';
import { suggestIsolation } from '../adopt/isolation.ts';
import type { Suggestion } from '../adopt/isolation.ts';
import { configPath, readOwnConfig } from '../adopt/own-config.ts';
import { placesOf, shortPath } from '../adopt/places.ts';
import type { Places } from '../adopt/places.ts';
import { ownWrites } from '../adopt/plan.ts';
import { describeChanges, describeStart, shown } from '../adopt/report.ts';
import { Variables, takeSecrets } from '../adopt/secrets.ts';
import { usageError } from '../exit.ts';
import { expandVariables } from '../variables.ts';
import { fromBundle, readBundle, unpack } from './bundle.ts';
import type { Bundle } from './bundle.ts';
import { confirm, finish } from './finish.ts';
import type { AddSituation } from './finish.ts';
import { Inputs } from './inputs.ts';
import { fromServerJson, isServerJson } from './server-json.ts';
import { fetchBundle, readOrigin } from './origin.ts';
import type { Fetch, Origin } from './origin.ts';

export interface AddFlags {
  name?: string;
  via?: string;
  set: string[];
  registry: string;
  config?: string;
  yes?: boolean;
}

/** A server as it would be added. */
interface Described {
  /** What it calls itself. */
  title: string;
  entry: JsonObject;
  bundle?: Bundle;
}

/**
 * @param source a name in the registry, a file, or an address.
 * @throws {SwitchboardError} `SWB_USAGE`, `SWB_CONFIG_INVALID`, `SWB_CONNECT_FAILED`, `SWB_FILE_NOT_WRITTEN`
 */
export async function add(source: string, flags: AddFlags, situation: AddSituation): Promise<void> {
  const { environment, folder, home, say } = situation;
  const places = placesOf(situation);
  const config = readOwnConfig(configPath(flags.config, places, folder), environment);
  const known = { ...config.env.variables, ...environment };
  const variables = new Variables(known);
  const found = await readOrigin(source, folder, flags.registry, situation.fetch);
  const wanted = flags.name ?? nameIn(found);
  const name = wanted.replaceAll(/[^A-Za-z0-9._-]+/g, '-').replace(/^[^A-Za-z0-9]+/, '');
  if (name === '') throw usageError('--name: give one of letters, digits, dots, dashes and underscores');
  if (config.names.has(name)) {
    throw usageError(`--name: ${shown(config.path)} has a server ${JSON.stringify(name)} already; choose another name`);
  }
  const keep = (hint: string, value: string): string =>
    variables.keep(name, hint, value, /^[A-Z_][A-Z0-9_]*$/.test(hint));
  const inputs = new Inputs(readSettings(flags.set), known, keep);
  const { title, entry, bundle } = await describe(found, flags.via, inputs, places, situation.fetch);
  refuseGaps(inputs);

  const suggestion = suggestIsolation(entry);
  const written = { ...takeSecrets(entry, keep), isolation: suggestion.isolation };
  const all = { ...known, ...Object.fromEntries(variables.added) };
  const { value: filled, problems } = expandVariables(written, all);
  const [problem] = [...problems, ...checkUpstream(name, filled, false)];
  if (problem !== undefined) {
    throw new SwitchboardError('SWB_CONFIG_INVALID', {
      detail: `${problem.path.join('.')}: ${shown(problem.message)}`,
    });
  }
  const server = { name, entry: written };
  const writes = ownWrites(config, [server], variables.added);
  say([`${shown(title)}:`, ...describeServer(name, written, suggestion)].join('\n'));
  if (bundle !== undefined) say(`\nThe bundle is unpacked to ${shown(shortPath(bundle.folder, home))}.`);
  if (variables.added.size > 0) {
    say(`\nSecrets that move into a file that only you can read: ${[...variables.added.keys()].join(', ')}`);
  }
  say(`\n${describeChanges(writes, home)}`);
  if (!(await confirm('Add it?', flags, situation))) return;
  if (bundle !== undefined) unpack(bundle, String(entry['command']));
  await finish(writes, situation);
}

const describeServer = (name: string, entry: JsonObject, { isolation, because }: Suggestion): string[] => [
  `  ${name}`,
  `    runs       ${describeStart(entry)}`,
  `    isolation  ${isolation}: ${because}`,
];

async function describe(
  source: Origin,
  via: string | undefined,
  inputs: Inputs,
  places: Places,
  fetch: Fetch,
): Promise<Described> {
  if (source.kind === 'address') return { title: new URL(source.url).origin, entry: { url: source.url } };
  if (source.kind === 'bundle') {
    const bundle = readBundle(source.bytes, places);
    return { title: `${bundle.name}, a bundle from ${source.from}`, entry: fromBundle(bundle, places, inputs), bundle };
  }
  const { value, from } = source;
  if (!isServerJson(value)) {
    const isClient = isObject(value['mcpServers']) || isObject(value['servers']);
    const what = isClient ? 'a file of a client: use switchboard adopt, or serve --config' : 'no server.json';
    throw new SwitchboardError('SWB_CONFIG_INVALID', { detail: `${from} is ${what}` });
  }
  const about = typeof value['description'] === 'string' ? ` ("${value['description']}")` : '';
  const title = `${String(value['name'])} from ${from}${about}`;
  const way = fromServerJson(value, via, inputs);
  if ('entry' in way) return { title, entry: way.entry };
  const fetched = await fetchBundle(way.bundle.url, way.bundle.sha256, fetch);
  return { ...(await describe(fetched, via, inputs, places, fetch)), title };
}

function nameIn(source: Origin): string {
  if (source.kind === 'address') {
    const { hostname } = new URL(source.url);
    return isIP(hostname.replaceAll(/[[\]]/g, '')) === 0 ? hostname.split('.').slice(-2)[0]! : 'server';
  }
  if (source.kind === 'bundle') {
    return source.from
      .split(/[\\/]/)
      .at(-1)!
      .replace(/(?:-v?\d[\w.-]*)?\.\w+$/, '');
  }
  const { name } = source.value;
  return typeof name === 'string' ? name.split('/').at(-1)! : 'server';
}

/** @throws {SwitchboardError} `SWB_USAGE`; no value is repeated */
function readSettings(flags: readonly string[]): ReadonlyMap<string, string> {
  return new Map(
    flags.map((flag): [string, string] => {
      const at = flag.indexOf('=');
      if (at < 1) throw usageError('--set: expected name=value');
      return [flag.slice(0, at), flag.slice(at + 1)];
    }),
  );
}

/** @throws {SwitchboardError} `SWB_USAGE` naming what is missing, not asked for, or not one of the choices */
function refuseGaps({ missing, problems, unknown }: Inputs): void {
  if (missing.size > 0) {
    const all = [...missing.values()].map(({ name, isSecret, description }) => {
      const about = description === undefined ? '' : `: ${shown(description)}`;
      const otherwise = isSecret ? `, or the environment variable ${name}` : '';
      return `--set ${shown(name)}=…${otherwise}${about}`;
    });
    throw usageError(`it needs ${all.join('; ')}`);
  }
  if (unknown.length > 0) throw usageError(`--set: nothing asks for ${unknown.map(shown).join(', ')}`);
  if (problems.length > 0) throw usageError(`--set: ${problems.map(shown).join('; ')}`);
}
