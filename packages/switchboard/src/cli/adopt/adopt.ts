/** Finds, shows, asks, and writes; or takes all of it back. */
import { resolve } from 'node:path';

import { SwitchboardError } from '../../protocol/errors.ts';
import { counted } from '../../util/counted.ts';
import { didYouMean } from '../../util/nearest.ts';
import { usageError } from '../exit.ts';
import { runFiles } from '../run-file.ts';
import { carryOut, undo } from './carry-out.ts';
import { CLIENTS, CLIENT_IDS } from './clients.ts';
import { isFolder } from './files.ts';
import { Journal } from './journal.ts';
import { configPath, endpointOf, readOwnConfig } from './own-config.ts';
import { placesOf, shortPath } from './places.ts';
import type { Machine } from './places.ts';
import { makePlan } from './plan.ts';
import { describePlan, safe, shown } from './report.ts';
import { survey } from './survey.ts';

export interface AdoptFlags {
  dryRun?: boolean;
  yes?: boolean;
  only?: string;
  keep?: boolean;
  undo?: boolean;
  status?: boolean;
  project?: string;
  config?: string;
}

/** Where and for whom it runs. */
export interface Situation extends Machine {
  /** The current folder. */
  folder: string;
  say(text: string): void;
  /** @returns whether the answer was yes; undefined where nobody can be asked */
  ask(question: string): Promise<boolean | undefined>;
  /** The command that starts this program: on this machine, and on any that has it from npm. */
  bridges: { here: readonly [string, ...string[]]; anywhere: readonly [string, ...string[]] };
  now: Date;
}

/**
 * @throws {SwitchboardError} `SWB_USAGE` for flags that make no sense or when nobody can be asked, `SWB_CONFIG_INVALID` for a configuration
 * that cannot be read, `SWB_FILE_NOT_WRITTEN` when a file could not be changed.
 */
export async function adopt(flags: AdoptFlags, situation: Situation): Promise<void> {
  const places = placesOf(situation);
  const only = readOnly(flags.only);
  const journal = new Journal(places);
  if (flags.status === true) return showStatus(journal, situation);
  if (flags.undo === true) return takeBack(journal, only, flags, situation);
  const { say, ask, environment, home } = situation;
  const config = readOwnConfig(configPath(flags.config, places, situation.folder), environment);
  const endpoint = endpointOf(config, environment, situation.bridges.here);
  const portableEndpoint = endpointOf(config, environment, situation.bridges.anywhere);
  if (typeof endpoint === 'string') throw usageError(needsMore(endpoint));
  if (typeof portableEndpoint === 'string') throw usageError(needsMore(portableEndpoint));
  const project = resolve(situation.folder, flags.project ?? '.');
  if (flags.project !== undefined && !isFolder(project))
    throw usageError(`--project: no folder ${JSON.stringify(project)}`);
  const { files, left } = await survey(places, project === home ? undefined : project, only);
  const same = files.find(({ file }) => file.path === config.file?.path);
  if (same !== undefined) {
    throw usageError(
      `--config: ${shown(config.path)} is a file of ${same.client.name}; name one for Switchboard alone`,
    );
  }
  const former = { addresses: journal.addressesOf(config.path), busyPorts: portsOf(environment) };
  const options = { endpoint, portableEndpoint, environment, keep: flags.keep === true, former };
  const leaveProjects =
    flags.yes === true && flags.project === undefined
      ? 'the servers of a project are taken with --project, or when you are asked'
      : undefined;
  let plan = makePlan(files, config, { ...options, leaveProjects, moveSecrets: true });
  plan.left.unshift(...left);
  if (files.length === 0 && plan.left.length === 0) return say('No file of an MCP client was found.');
  say(describePlan(files, plan, home));
  if (plan.writes.length === 0) return say('\nThere is nothing to change.');
  if (flags.dryRun === true) return say('\nNothing was changed.');
  if (flags.yes !== true) {
    const envFile = shortPath(config.env.path, home);
    const move = plan.variables.size === 0 || (await ask(`\nMove the secrets into ${envFile}?`));
    if (move === false) {
      plan = makePlan(files, config, { ...options, leaveProjects, moveSecrets: false });
      say(`\n${describePlan([], plan, home)}`);
      if (plan.writes.length === 0) return say('\nThere is nothing to change.');
    }
    const isWanted = move === undefined ? undefined : await ask('\nChange these files?');
    if (isWanted === undefined) throw usageError('nobody can be asked here: give --yes, or --dry-run to look only');
    if (!isWanted) return say('Nothing was changed.');
  }
  const target = { url: endpoint.url, config: config.path };
  const unwritten = carryOut(plan.writes, journal, situation.now, target);
  const written = plan.writes.filter((write) => !unwritten.some((each) => each.write === write));
  say(`\nChanged ${counted(written.length, 'file')}. "switchboard adopt --undo" gives them back as they were.`);
  say(`Start it: switchboard serve --config ${asWord(config.path, home)}`);
  if (unwritten.length === 0) return;
  const detail = unwritten.map(({ write, why }) => `${shown(shortPath(write.path, home))} ${why}`).join('; ');
  throw new SwitchboardError('SWB_FILE_NOT_WRITTEN', { detail });
}

/** @param why what the configuration asks of clients */
const needsMore = (why: string): string =>
  `clients need a key or a certificate (${why}): add the entry of each with switchboard connect-client`;

/** The ports of every Switchboard of this user that runs. */
const portsOf = (environment: Situation['environment']): ReadonlySet<string> =>
  new Set(runFiles(environment).map(({ url, port }) => String(port ?? new URL(url).port)));

/** A path as it is typed into a shell. */
function asWord(path: string, home: string): string {
  const short = shortPath(path, home);
  return /^[\w~/.\\:-]+$/.test(short) ? short : `"${shown(path)}"`;
}

/** @throws {SwitchboardError} `SWB_USAGE` for an unknown client */
function readOnly(text: string | undefined): ReadonlySet<string> | undefined {
  if (text === undefined) return undefined;
  const names = text.split(',').map((name) => name.trim());
  for (const name of names) {
    if (CLIENT_IDS.includes(name)) continue;
    const detail = `--only: unknown client ${JSON.stringify(name)}; there are: ${CLIENT_IDS.join(', ')}.${didYouMean(name, CLIENT_IDS)}`;
    throw usageError(detail);
  }
  return new Set(names);
}

function showStatus(journal: Journal, { say, home }: Situation): void {
  const adoptions = journal.read();
  if (adoptions.length === 0) return say('adopt has changed nothing, or all of it was undone.');
  for (const { at, steps } of adoptions) {
    say(at.slice(0, 16).replace('T', ' '));
    for (const step of steps) {
      say(`  ${shown(step.client ?? 'Switchboard')}, ${shown(shortPath(step.path, home))}: ${journal.stateOf(step)}`);
    }
  }
}

async function takeBack(
  journal: Journal,
  only: ReadonlySet<string> | undefined,
  { yes, dryRun }: AdoptFlags,
  situation: Situation,
): Promise<void> {
  const { say, ask, home } = situation;
  const names = only && new Set([...only].map((id) => CLIENTS[id]!.name));
  const isMeant = ({ client }: { client?: string }): boolean =>
    names === undefined || (client !== undefined && names.has(client));
  const adoptions = journal.read();
  if (!adoptions.some(({ steps }) => steps.some(isMeant))) return say('There is nothing to undo.');
  if (yes !== true || dryRun === true) showStatus(journal, situation);
  if (dryRun === true) return say('\nNothing was changed.');
  if (yes !== true) {
    const isWanted = await ask('\nGive back the files that are as written?');
    if (isWanted === undefined) throw usageError('nobody can be asked here: give --yes, or --status to look only');
    if (!isWanted) return say('Nothing was changed.');
  }
  const failures: string[] = [];
  for (const { step, state, copy, failure } of await undo(journal, isMeant)) {
    const path = shown(shortPath(step.path, home));
    const kept = copy === undefined ? '' : `; as it was, it is in ${safe(copy)}`;
    if (failure !== undefined) failures.push(`${path}: ${safe(failure)}`);
    else if (state === 'as written') say(`${path}: ${step.before === undefined ? 'removed' : 'given back as it was'}`);
    else if (state === 'entries back') say(`${path}: has changed since; its servers are in it again, the rest stays`);
    else if (state === 'needed') say(`${path}: is left, as what has changed may need it${kept}`);
    else if (state === 'changed since') {
      say(`${path}: has changed since, and is left${kept || '; there was no such file before'}`);
    } else say(`${path}: ${state === 'gone' ? `is no longer there${kept}` : 'is as it was already'}`);
  }
  if (failures.length > 0) throw new SwitchboardError('SWB_FILE_NOT_WRITTEN', { detail: failures.join('; ') });
}
