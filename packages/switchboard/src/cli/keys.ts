/** `switchboard keys`: makes, shows and revokes API keys. A running Switchboard sees each change within a second. */
import { Command } from 'commander';

import { makeKey } from '../auth/api-keys.ts';
import type { ApiKey } from '../auth/api-keys.ts';
import { isPrincipal } from '../auth/identity.ts';
import { readKeysFile, writeKeysFile } from '../auth/keys-file.ts';
import { SwitchboardError } from '../protocol/errors.ts';
import { parseDuration } from '../util/units.ts';

interface FileFlag {
  keysFile?: string;
}

const FILE = '--keys-file <file>';
const FILE_HELP = 'the file of the keys; SWITCHBOARD_KEYS_FILE names it too';

export function keysCommand(): Command {
  const command = new Command('keys').description('Create, list and revoke API keys.');
  command
    .command('create <principal>')
    .description('Create a key for a principal and print it once; only a hash is stored.')
    .option(FILE, FILE_HELP)
    .option('--role <name...>', 'a role of the configuration; may be given several times')
    .option('--label <text>', 'what the key is for')
    .option('--expires <duration>', 'after how long it ends, as 12h or 90d')
    .action(create);
  command
    .command('list')
    .description('List the keys: id, principal and roles, never the key itself.')
    .option(FILE, FILE_HELP)
    .option('--json', 'for programs')
    .action(list);
  command
    .command('revoke <id...>')
    .description('Revoke keys by id; sessions opened with them end.')
    .option(FILE, FILE_HELP)
    .action(revoke);
  return command;
}

function create(principal: string, flags: FileFlag & { role?: string[]; label?: string; expires?: string }): void {
  if (!isPrincipal(principal)) {
    const detail = `${JSON.stringify(principal)} cannot be a principal: give a name of at most 200 characters, not "anonymous"`;
    throw new SwitchboardError('SWB_CONFIG_INVALID', { detail });
  }
  const { role: roles = [], label, expires } = flags;
  const lifeMs = expires === undefined ? undefined : parseDuration(expires);
  if (expires !== undefined && (lifeMs === undefined || lifeMs <= 0)) {
    const detail = `--expires: expected a duration such as 12h or 90d, got ${JSON.stringify(expires)}`;
    throw new SwitchboardError('SWB_CONFIG_INVALID', { detail });
  }
  const file = fileOf(flags);
  const [text, kept] = makeKey({
    principal,
    roles,
    ...(label !== undefined && { label }),
    ...(lifeMs !== undefined && { expiresAt: new Date(Date.now() + lifeMs).toISOString() }),
  });
  writeKeysFile(file, [...readKeysFile(file, false), kept]);
  process.stdout.write(`${text}\n`);
  process.stderr.write(`The key of ${principal}, id ${kept.id}. It is not shown again.\n`);
}

function list(flags: FileFlag & { json?: boolean }): void {
  const keys = readKeysFile(fileOf(flags)).map((key) => ({ ...key, digest: undefined, state: stateOf(key) }));
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

function revoke(ids: string[], flags: FileFlag): void {
  const file = fileOf(flags);
  const keys = readKeysFile(file);
  const unknown = ids.filter((id) => !keys.some((key) => key.id === id));
  if (unknown.length > 0) {
    const detail = `there is no key ${unknown.join(', ')} in ${file}; "switchboard keys list" shows the ids`;
    throw new SwitchboardError('SWB_CONFIG_INVALID', { detail });
  }
  const revokedAt = new Date().toISOString();
  writeKeysFile(
    file,
    keys.map((key) => (ids.includes(key.id) ? { ...key, revokedAt: key.revokedAt ?? revokedAt } : key)),
  );
}

function fileOf({ keysFile = process.env['SWITCHBOARD_KEYS_FILE'] }: FileFlag): string {
  if (keysFile !== undefined && keysFile !== '') return keysFile;
  throw new SwitchboardError('SWB_CONFIG_INVALID', { detail: 'name the file of the keys with --keys-file' });
}

function stateOf({ revokedAt, expiresAt }: Pick<ApiKey, 'revokedAt' | 'expiresAt'>): 'good' | 'revoked' | 'expired' {
  if (revokedAt !== undefined) return 'revoked';
  return expiresAt !== undefined && Date.parse(expiresAt) <= Date.now() ? 'expired' : 'good';
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
