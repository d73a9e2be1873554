/** `switchboard service`: lets this machine start Switchboard, and start it again when it fails. */
import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { homedir, userInfo } from 'node:os';
import { sep } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { Command } from 'commander';

import { PRODUCT } from '../gateway/product.ts';
import type { ServiceFlags, ServiceSituation } from './service/service.ts';
import { print } from './table.ts';

const HELP = `
Examples:
  switchboard service install --dry-run             show what it would write and run
  switchboard service install                       start Switchboard now and at each login
  sudo switchboard service install --system         start it with the machine
  switchboard service logs --follow
  switchboard service uninstall`;

export function serviceCommand(): Command {
  const command = new Command('service')
    .description('Run Switchboard as a service: systemd, launchd or the Windows Task Scheduler.')
    .addHelpText('after', HELP);
  const below = (name: string, describe: string): Command =>
    command.command(name).description(describe).option('--system', 'a service of the machine, not of this user');
  const load = () => import('./service/service.ts');
  const dryRun = ['--dry-run', 'show what would be written and run, and change nothing'] as const;

  below('install', 'Write the service and start it; again, to apply a new version or configuration.')
    .option(
      '--config <file>',
      "the configuration to serve. Default: switchboard.json in your user's configuration folder",
    )
    .option('--socket', 'systemd keeps the port open while Switchboard restarts')
    .option(
      '--writable <folder>',
      'systemd: a folder that it may write to; may be repeated. Default: all of the home folder',
      append,
    )
    .option(...dryRun)
    .action(async (flags: ServiceFlags) => (await load()).install(flags, thisService()));
  below('uninstall', 'Stop the service and remove what install wrote.')
    .option('--config <file>', 'the configuration that it serves, on Windows')
    .option(...dryRun)
    .action(async (flags: ServiceFlags) => (await load()).uninstall(flags, thisService()));
  below('status', 'Show what the machine knows of the service.').action(async (flags: ServiceFlags) => {
    process.exitCode = await (await load()).status(flags, thisService());
  });
  below('logs', 'Print the newest lines of the log of the service.')
    .option('--lines <number>', 'how many lines', '50')
    .option('-f, --follow', 'print new lines as they come; Ctrl-C stops')
    .action(async (flags: ServiceFlags) => {
      process.exitCode = await (await load()).logs(flags, thisService());
    });
  return command;
}

const append = (each: string, all: string[] = []): string[] => [...all, each];

/** This machine and this person. */
function thisService(): ServiceSituation {
  const program = fileURLToPath(new URL('../../bin/switchboard.js', import.meta.url));
  const { username } = userInfo();
  const uid = process.getuid?.();
  return {
    home: homedir(),
    platform: process.platform,
    environment: process.env,
    folder: process.cwd(),
    program: program.includes(`${sep}_npx${sep}`) ? undefined : [process.execPath, program],
    version: PRODUCT.version,
    user: uid === undefined ? username : String(uid),
    // What is not allowed on Windows, Windows says.
    isAdministrator: uid === undefined || uid === 0,
    isSandboxed: canHaveNamespaces(),
    say: print,
    run: (words) => runCommand(words, false),
    show: async (words) => (await runCommand(words, true)).code,
    wait: (ms) => setTimeout(ms),
  };
}

/** Some distributions let only programs that they know make namespaces; a unit that asks for them would not start there. */
function canHaveNamespaces(): boolean {
  const says = (name: string): string => {
    try {
      return readFileSync(`/proc/sys/${name}`, 'utf8').trim();
    } catch {
      return '';
    }
  };
  return (
    says('kernel/unprivileged_userns_clone') !== '0' &&
    says('kernel/apparmor_restrict_unprivileged_userns') !== '1' &&
    says('user/max_user_namespaces') !== '0'
  );
}

function runCommand(
  [program, ...args]: readonly [string, ...string[]],
  isShown: boolean,
): Promise<{ code: number | undefined; output: string }> {
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, { stdio: isShown ? 'inherit' : ['ignore', 'pipe', 'pipe'], windowsHide: true });
    let output = '';
    for (const stream of [child.stdout, child.stderr]) {
      stream?.setEncoding('utf8').on('data', (text: string) => (output = `${output}${text}`.slice(-4000)));
    }
    child.once('error', (error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT') resolve({ code: undefined, output });
      else reject(error);
    });
    child.once('close', (code) => resolve({ code: code ?? 1, output }));
  });
}
