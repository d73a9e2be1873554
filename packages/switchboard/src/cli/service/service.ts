/** `switchboard service`: Switchboard as a service of this person or of this machine. */
import { readFileSync, rmSync, statSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { parseEnv } from 'node:util';

import { readSettings } from '../../gateway/options.ts';
import type { Settings } from '../../gateway/settings.ts';
import { SwitchboardError } from '../../protocol/errors.ts';
import { configPath } from '../adopt/own-config.ts';
import { writeWhole } from '../adopt/files.ts';
import { placesOf, shortPath } from '../adopt/places.ts';
import type { Machine } from '../adopt/places.ts';
import { readConfigFile } from '../config.ts';
import { settingsFromEnvironment } from '../environment.ts';
import { usageError } from '../exit.ts';
import { launchd } from './launchd.ts';
import { MARK } from './spec.ts';
import type { ServiceCommand, ServiceFile, ServicePlatform, ServiceSpec } from './spec.ts';
import { systemd } from './systemd.ts';
import { taskScheduler } from './task-scheduler.ts';

export interface ServiceFlags {
  system?: boolean;
  config?: string;
  socket?: boolean;
  writable?: string[];
  dryRun?: boolean;
  lines?: string;
  follow?: boolean;
}

/** Where and for whom it runs. */
export interface ServiceSituation extends Machine {
  /** The current folder. */
  folder: string;
  /** The command that starts this program, with whole paths; undefined where that will not last, as in the cache of npx. */
  program: readonly [string, ...string[]] | undefined;
  version: string;
  /** Who it runs as: a number, or a name on Windows. */
  user: string;
  /** Whether it may change what belongs to the machine. */
  isAdministrator: boolean;
  /** Whether a person's service can have file systems of its own. */
  isSandboxed: boolean;
  say(text: string): void;
  /** @returns the exit code, undefined where the program is not there, and what it wrote */
  run(words: readonly [string, ...string[]]): Promise<{ code: number | undefined; output: string }>;
  /** Runs a command whose output the person sees. @returns the exit code, undefined where the program is not there */
  show(words: readonly [string, ...string[]]): Promise<number | undefined>;
  wait(ms: number): Promise<void>;
}

/** By what `process.platform` says. Where a platform has none of them, it is for systemd to say that it is not there. */
export const PLATFORMS: Readonly<Partial<Record<NodeJS.Platform, ServicePlatform>>> = {
  linux: systemd,
  darwin: launchd,
  win32: taskScheduler,
};

/** The configuration of a service of the machine. */
const OF_MACHINE: Readonly<Partial<Record<NodeJS.Platform, string>>> = {
  linux: '/etc/switchboard/switchboard.json',
  darwin: '/Library/Application Support/switchboard/switchboard.json',
  win32: 'C:\\ProgramData\\switchboard\\switchboard.json',
};

/**
 * Writes the files of a service and starts it. Done again, it changes nothing, or what is new: another version, or another configuration.
 *
 * @throws {SwitchboardError} `SWB_USAGE`, `SWB_CONFIG_INVALID`, `SWB_FILE_NOT_WRITTEN`, `SWB_SERVICE_FAILED`
 */
export async function install(flags: ServiceFlags, situation: ServiceSituation): Promise<void> {
  const { say, home } = situation;
  const manager = platformOf(situation);
  const spec = specOf(flags, situation, manager);
  const files = manager.files(spec);
  const changed = files.filter((file) => !isAsWritten(file));
  // Of a service that had a socket, which this one has not.
  const obsolete = allFiles(manager, spec).filter(({ path }) => !files.some((file) => file.path === path));
  const [stop, start] = [
    obsolete.length === 0 ? [] : manager.stop(spec),
    manager.start(spec, new Set([...changed, ...obsolete].map(({ path }) => path))),
  ];
  if (flags.dryRun === true) {
    for (const { path, content } of files) say(`${shortPath(path, home)}:\n\n${textIn(content)}`);
    return say(`Commands:\n${linesOf([...stop, ...start])}\n\nNothing was changed.`);
  }
  for (const file of [...changed, ...obsolete]) refuseForeign(file, home);
  await runAll(stop, manager, situation);
  for (const { path } of obsolete) rmSync(path, { force: true });
  for (const { path, content, mode } of changed) writeWhole(path, Buffer.from(content), mode);
  await runAll(start, manager, situation);
  const [{ path } = { path: '' }] = files;
  const what = changed.length > 0 ? 'written' : 'as it was';
  say(
    `${shortPath(path, home)}: ${what}. Switchboard runs with ${shortPath(spec.config, home)}. ${manager.note(spec)}`,
  );
}

/** Ends a service and takes its files away. Without one it changes nothing. @throws {SwitchboardError} as {@link install} */
export async function uninstall(flags: ServiceFlags, situation: ServiceSituation): Promise<void> {
  const { say, home } = situation;
  const manager = platformOf(situation);
  const spec = specOf(flags, situation, manager, false);
  const files = allFiles(manager, spec);
  if (files.length === 0) return say('There is no service to remove.');
  for (const file of files) refuseForeign(file, home);
  const [stop, forget] = [manager.stop(spec), manager.forget?.(spec) ?? []];
  if (flags.dryRun === true) {
    const gone = files.map(({ path }) => `  ${shortPath(path, home)}`).join('\n');
    return say(`Files to remove:\n${gone}\n\nCommands:\n${linesOf([...stop, ...forget])}\n\nNothing was changed.`);
  }
  await runAll(stop, manager, situation);
  for (const { path } of files) {
    rmSync(path, { force: true });
    say(`${shortPath(path, home)}: removed`);
  }
  await runAll(forget, manager, situation);
}

/** Shows what the manager knows of the service. @returns the exit code */
export async function status(flags: ServiceFlags, situation: ServiceSituation): Promise<number> {
  const manager = platformOf(situation);
  const spec = specOf(flags, situation, manager, false);
  const [file] = manager.files(spec);
  if (file !== undefined && !isThere(file.path)) {
    situation.say('There is no service: switchboard service install');
    return 1;
  }
  return shown(manager.status(spec), manager, situation);
}

/** Shows the newest lines of its log. @returns the exit code */
export async function logs(flags: ServiceFlags, situation: ServiceSituation): Promise<number> {
  const { lines = '50', follow = false } = flags;
  if (!/^\d{1,6}$/.test(lines)) throw usageError(`--lines: expected a number, got ${JSON.stringify(lines)}`);
  const manager = platformOf(situation);
  return shown(manager.logs(specOf(flags, situation, manager, false), Number(lines), follow), manager, situation);
}

function platformOf({ platform }: ServiceSituation): ServicePlatform {
  const manager = PLATFORMS[platform];
  if (manager !== undefined) return manager;
  throw usageError(`there are services for ${Object.keys(PLATFORMS).join(', ')}, and not for ${platform}`);
}

/** @param isStarted whether it is about to run: then its configuration must be valid, and the program must last */
function specOf(
  { system: isSystem = false, config: named, socket = false, writable, dryRun = false }: ServiceFlags,
  situation: ServiceSituation,
  manager: ServicePlatform,
  isStarted = true,
): ServiceSpec {
  const { environment, folder, home, platform, program, version, isSandboxed } = situation;
  const config =
    (isSystem && named === undefined ? OF_MACHINE[platform] : undefined) ??
    configPath(named, placesOf(situation), folder);
  const spec: ServiceSpec = {
    program: program ?? ['switchboard'],
    config,
    version,
    isSystem,
    home,
    // A daemon of launchd runs as the person who installs it.
    user: (platform === 'darwin' && isSystem ? environment['SUDO_USER'] : undefined) ?? situation.user,
    path: pathFor(program, environment['PATH']),
    stopSeconds: 60,
    isSandboxed,
    writable: writable?.map((each) => resolve(folder, each)),
  };
  if (!isStarted) return spec;
  if (isSystem && !dryRun && !situation.isAdministrator) {
    throw usageError('--system: run this as an administrator (sudo)');
  }
  refuseProgram(spec, situation);
  const { drainTimeout, host, port } = settingsOf(spec, manager);
  const stopSeconds = Math.ceil(drainTimeout / 1000) + 30;
  if (!socket) return { ...spec, stopSeconds };
  if (manager !== systemd) throw usageError(`--socket: ${manager.name} opens no socket for a service`);
  if (port === 0) throw usageError(`--socket: port is 0 in ${config}; choose one`);
  if (!/^[\d.]+$|:/.test(host)) throw usageError(`--socket: host is ${host} in ${config}; give an address`);
  return { ...spec, stopSeconds, socket: { host, port } };
}

/** @throws {SwitchboardError} `SWB_USAGE` */
function refuseProgram({ isSystem, config }: ServiceSpec, { program, platform }: ServiceSituation): void {
  if (program === undefined) {
    throw usageError('npx may remove this program again: install it with npm install -g mcp-switchboard, and run that');
  }
  const hidden = [...program, config].find((path) => /^\/(?:home|root)\//.test(path));
  if (isSystem && platform === 'linux' && hidden !== undefined) {
    throw usageError(`--system: a service of the machine cannot read ${hidden}; put it where all users find it`);
  }
  if (/[\r\n]/.test(config)) throw usageError('--config: expected a path of one line');
}

/**
 * What the configuration says to a service, which has none of the variables of this shell.
 *
 * @throws {SwitchboardError} `SWB_USAGE`, `SWB_CONFIG_INVALID`
 */
function settingsOf({ config, home, path }: ServiceSpec, manager: ServicePlatform): Settings {
  const file = join(dirname(config), 'environment');
  const isRead = manager === systemd && isThere(file);
  if (isRead && (statSync(file).mode & 0o077) !== 0) {
    throw usageError(`others can read ${file}, which has secrets; run chmod 600 on it`);
  }
  const own = isRead ? (parseEnv(readFileSync(file, 'utf8')) as Record<string, string>) : {};
  try {
    const { settings } = readConfigFile(config, { HOME: home, PATH: path, ...own }, {});
    return readSettings({ ...settings, ...settingsFromEnvironment(own) }).settings;
  } catch (error) {
    if (!(error instanceof SwitchboardError)) throw error;
    const place = manager === systemd ? `${file} (mode 0600)` : 'the file that envFile names';
    const detail = `${error.message.replace(`${error.entry.message}: `, '')}\nA service has no variable of this shell: write what it needs into ${place}`;
    throw new SwitchboardError('SWB_CONFIG_INVALID', { detail, cause: error });
  }
}

/** The folder of Node first, so that its `npx` is found. */
function pathFor(program: ServiceSituation['program'], path = ''): string {
  const separator = path.includes(';') ? ';' : ':';
  const own = program === undefined ? [] : [dirname(program[0])];
  return [...new Set([...own, ...path.split(separator).filter((each) => each !== '')])].join(separator);
}

/** Every file that a service may have, and that is there. */
const allFiles = (manager: ServicePlatform, spec: ServiceSpec): ServiceFile[] =>
  manager.files({ ...spec, socket: { host: '127.0.0.1', port: 1 } }).filter(({ path }) => isThere(path));

const lineOf = ({ words }: ServiceCommand): string => words.join(' ');
const linesOf = (commands: readonly ServiceCommand[]): string =>
  commands.map((command) => `  ${lineOf(command)}`).join('\n');

async function runAll(
  commands: readonly ServiceCommand[],
  manager: ServicePlatform,
  situation: ServiceSituation,
): Promise<void> {
  for (const command of commands) {
    const { words, mayFail, tries = 1 } = command;
    let { code, output } = await situation.run(words);
    for (let left = tries - 1; code !== 0 && code !== undefined && left > 0; left--) {
      await situation.wait(1000);
      ({ code, output } = await situation.run(words));
    }
    if (code === undefined) throw notThere(words[0], manager);
    if (code === 0 || mayFail === true) continue;
    const detail = `${lineOf(command)} ended with ${code}: ${output.trim() || 'it says nothing'}`;
    throw new SwitchboardError('SWB_SERVICE_FAILED', { detail });
  }
}

async function shown(
  { words }: ServiceCommand,
  manager: ServicePlatform,
  situation: ServiceSituation,
): Promise<number> {
  const code = await situation.show(words);
  if (code === undefined) throw notThere(words[0], manager);
  return code;
}

const notThere = (program: string, { name }: ServicePlatform): SwitchboardError =>
  new SwitchboardError('SWB_SERVICE_FAILED', {
    detail: `there is no ${program} here, so no ${name}; start "switchboard serve" with what starts programs on this machine`,
  });

/** @throws {SwitchboardError} `SWB_FILE_NOT_WRITTEN` when a file of this name is somebody else's */
function refuseForeign({ path }: ServiceFile, home: string): void {
  if (!isThere(path) || textIn(readFileSync(path)).includes(MARK)) return;
  const detail = `${shortPath(path, home)}: "switchboard service" did not write it; remove it first if you do not need it`;
  throw new SwitchboardError('SWB_FILE_NOT_WRITTEN', { detail });
}

const isThere = (path: string): boolean => statSync(path, { throwIfNoEntry: false }) !== undefined;

const isAsWritten = ({ path, content }: ServiceFile): boolean =>
  isThere(path) && readFileSync(path).equals(Buffer.from(content));

/** The text of a file, which is UTF-16 where it begins with a byte order mark of that. */
function textIn(content: string | Buffer): string {
  if (typeof content === 'string') return content;
  return content[0] === 0xff && content[1] === 0xfe
    ? content.subarray(2).toString('utf16le')
    : content.toString('utf8');
}
