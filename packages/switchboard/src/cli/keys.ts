/** `switchboard keys`: makes, shows and revokes API keys. A running Switchboard sees each change within a second. */
import { rmSync, writeFileSync } from 'node:fs';
import { Command } from 'commander';

import { MAX_KEY_LIFE_MS, keyState, makeKey } from '../auth/api-keys.ts';
import type { ApiKey } from '../auth/api-keys.ts';
import { isPrincipal } from '../auth/identity.ts';
import { readKeysFile, withRevoked, writeKeysFile } from '../auth/keys-file.ts';
import { BUILT_IN_ROLES } from '../router/roles.ts';
import { parseDuration } from '../util/units.ts';
import { didYouMean } from '../util/nearest.ts';
import { AdminClient, adminCommand } from './admin-client.ts';
import type { AdminFlags } from './admin-client.ts';
import { readConfigFiles } from './config.ts';
import { usageError } from './exit.ts';
import { configFiles, withConfigFlag } from './sources.ts';

interface FileFlag {
  keysFile?: string;
}

const FILE = '--keys-file <file>';
const FILE_HELP = 'the file of the keys; SWITCHBOARD_KEYS_FILE names it too';
const CONFIG_HELP = 'the configuration file that has the roles; also SWITCHBOARD_CONFIG';

export function keysCommand(): Command {
  const command = new Command('keys').description('Create, list and revoke API keys.');
  withConfigFlag(command.command('create <principal>'), CONFIG_HELP)
    .description('Create a key for a principal and print it once; only a hash is stored.')
    .option(FILE, FILE_HELP)
    .option('--role <name...>', 'a role of the configuration; may be given several times')
    .option('--output <file>', 'write the key to a new file that only you can read, not to stdout')
    .option('--label <text>', 'what the key is for')
    .option('--expires <duration>', 'after how long it ends, as 12h or 90d')
    .action(create);
  command
    .command('list')
    .description('List the keys: id, principal and roles, never the key itself.')
    .option(FILE, FILE_HELP)
    .option('--json', 'for programs')
    .action(list);
  command.addCommand(
    adminCommand('revoke', 'Revoke keys by id; sessions opened with them end, at every node of a cluster.')
      .argument('<id...>', 'as "switchboard keys list" shows it')
      .option(FILE, `${FILE_HELP}. Default: the running Switchboard is asked`)
      .action(revoke),
  );
  return command;
}

interface CreateFlags extends FileFlag {
  config: string[];
  role?: string[];
  label?: string;
  expires?: string;
  output?: string;
}

function create(principal: string, flags: CreateFlags): void {
  if (!isPrincipal(principal)) {
    const detail = `${JSON.stringify(principal)} cannot be a principal: give a name of at most 200 characters, not "anonymous"`;
    throw usageError(detail);
  }
  const { role: roles = [], label, expires, output } = flags;
  const lifeMs = expires === undefined ? undefined : parseDuration(expires);
  if (expires !== undefined && (lifeMs === undefined || lifeMs <= 0 || lifeMs > MAX_KEY_LIFE_MS)) {
    const detail = `--expires: expected a duration of up to 100 years such as 12h or 90d, got ${JSON.stringify(expires)}`;
    throw usageError(detail);
  }
  const file = fileOf(flags);
  checkRoles(roles, flags.config);
  const before = readKeysFile(file, false);
  const [text, kept] = makeKey({
    principal,
    roles,
    ...(label !== undefined && { label }),
    ...(lifeMs !== undefined && { expiresAt: new Date(Date.now() + lifeMs).toISOString() }),
  });
  if (output !== undefined) writeNew(output, `${text}\n`);
  try {
    writeKeys(file, [...before, kept]);
  } catch (error) {
    // A key that is in no keys file opens nothing, and would be in the way of the next try.
    if (output !== undefined) rmSync(output, { force: true });
    throw error;
  }
  if (output === undefined) process.stdout.write(`${text}\n`);
  const where = output === undefined ? 'It is not shown again.' : `It is in ${output}.`;
  process.stderr.write(`The key of ${principal}, id ${kept.id}. ${where}\n`);
}

function list(flags: FileFlag & { json?: boolean }): void {
  const keys = readKeysFile(fileOf(flags)).map((key) => ({ ...key, digest: undefined, state: keyState(key) }));
  if (flags.json === true) {
    process.stdout.write(`${JSON.stringify(keys, null, 2)}\n`);
    return;
  }
  const rows = keys.map(({ id, principal, roles, state, expiresAt, label }) => [
    id,
    principal,
    roles.join(',') || '-',
    state,
    expiresAt?.slice(0, 16) ?? '-',
    label ?? '',
  ]);
  process.stdout.write(table([['id', 'principal', 'roles', 'state', 'expires', 'label'], ...rows]));
}

async function revoke(ids: string[], flags: FileFlag & AdminFlags): Promise<void> {
  const file = namedFile(flags);
  if (file === undefined) {
    const admin = AdminClient.find(flags, process.env);
    for (const id of ids) await admin.ask('DELETE', `/keys/${encodeURIComponent(id)}`);
    return;
  }
  const keys = readKeysFile(file);
  const known = keys.map(({ id }) => id);
  const unknown = ids.filter((id) => !known.includes(id));
  if (unknown.length > 0) {
    const hint = didYouMean(unknown[0]!, known);
    const detail = `there is no key ${unknown.join(', ')} in ${file}; "switchboard keys list" shows the ids.${hint}`;
    throw usageError(detail);
  }
  writeKeys(file, withRevoked(keys, ids));
}

/** @throws {SwitchboardError} `SWB_USAGE` for a role that the configuration does not have; without a configuration nothing is known */
function checkRoles(roles: readonly string[], config: readonly string[]): void {
  if (roles.every((role) => BUILT_IN_ROLES.includes(role))) return;
  const files = configFiles(config, process.env);
  const configured = rolesOf(files, config.length > 0);
  if (configured === undefined) {
    process.stderr.write(
      'switchboard: the roles were not checked; name the configuration that has them with --config\n',
    );
    return;
  }
  const known = [...configured, ...BUILT_IN_ROLES];
  const unknown = roles.find((role) => !known.includes(role));
  if (unknown === undefined) return;
  const there = configured.length === 0 ? 'no roles' : configured.join(', ');
  throw usageError(
    `--role: unknown role ${JSON.stringify(unknown)}; ${files.join(', ')} has ${there}.${didYouMean(unknown, known)}`,
  );
}

/**
 * The roles of a configuration; undefined without one, and where the one of the environment cannot be read here, as when a server's
 * secret is not set in this shell.
 */
function rolesOf(files: readonly string[], isNamed: boolean): string[] | undefined {
  if (files.length === 0) return undefined;
  try {
    return Object.keys(readConfigFiles(files, process.env, {}).access.roles ?? {});
  } catch (error) {
    if (isNamed) throw error;
    return undefined;
  }
}

/** For its owner alone; one that is there is kept. @throws {SwitchboardError} `SWB_USAGE` when it cannot be written */
function writeNew(path: string, text: string): void {
  try {
    writeFileSync(path, text, { mode: 0o600, flag: 'wx' });
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    throw usageError(`--output: ${code === 'EEXIST' ? `${path} is there already; choose a new file` : message}`);
  }
}

/** @throws {SwitchboardError} `SWB_USAGE` when the file cannot be written */
function writeKeys(path: string, keys: readonly ApiKey[]): void {
  try {
    writeKeysFile(path, keys);
  } catch (error) {
    throw usageError(`the keys file ${path}: ${(error as Error).message}`);
  }
}

function namedFile({ keysFile = process.env['SWITCHBOARD_KEYS_FILE'] }: FileFlag): string | undefined {
  return keysFile === '' ? undefined : keysFile;
}

function fileOf(flags: FileFlag): string {
  const file = namedFile(flags);
  if (file !== undefined) return file;
  throw usageError('name the file of the keys with --keys-file');
}

/** Labels were typed by somebody: nothing of them may steer a terminal. */
const printable = (text: string): string => text.replace(/[\p{C}]/gu, '?');

function table(rows: readonly (readonly string[])[]): string {
  const widths = rows[0]!.map((_, at) => Math.max(...rows.map((row) => row[at]!.length)));
  const lines = rows.map((row) =>
    row
      .map((cell, at) => printable(cell).padEnd(widths[at]!))
      .join('  ')
      .trimEnd(),
  );
  return `${lines.join('\n')}\n`;
}
