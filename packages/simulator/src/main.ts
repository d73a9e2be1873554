/** The command. */
import { writeFileSync } from 'node:fs';
import { Command, CommanderError } from 'commander';

import { compare } from './compare.ts';
import { readTls } from './client/tls.ts';
import type { Target } from './client-group.ts';
import { ERRORS, EXIT, SimulatorError } from './errors.ts';
import { OPTIONS, flagOf, readSettings, readUrl } from './options.ts';
import type { Settings } from './options.ts';
import { pageOf } from './report/page.ts';
import { run } from './run.ts';
import { painter } from './terminal/paint.ts';
import { summaryOf } from './terminal/summary.ts';
import { watch } from './terminal/watch.ts';
import { VERSION } from './version.ts';
import type { Watcher } from './watcher.ts';

const HELP = `
Examples:
  mcp-simulate ws://127.0.0.1:8765/mcp --clients 100 --in-flight 4 --duration 30s
  mcp-simulate http://127.0.0.1:8765/mcp --era mixed --rate 500 --report report.html
  mcp-simulate ws://127.0.0.1:8765/mcp --mode single
  mcp-simulate --clients 5 -- node server.js
  mcp-simulate compare before.json after.json`;

/**
 * Does what the arguments say, and sets the exit code of the process.
 *
 * @param name how the command was called, for messages
 */
export async function main(argv: readonly string[], name = 'mcp-simulate'): Promise<void> {
  // Whoever reads our output may stop before its end, as `head` does.
  process.stdout.on('error', () => {});
  try {
    await (argv[0] === 'compare' ? compareCommand(name) : simulateCommand(name, argv)).parseAsync([...argv], {
      from: 'user',
    });
  } catch (error) {
    process.exitCode = complain(error, name);
  }
}

function simulateCommand(name: string, argv: readonly string[]): Command {
  const command = new Command(name)
    .description('Many MCP clients: measures an MCP endpoint, and catches answers that reach the wrong client.')
    .usage(`[options] <url>
       ${name} [options] -- command...
       ${name} compare [options] <before> <after>`)
    .argument('[target...]')
    .version(VERSION, '-V, --version')
    .addHelpText('after', HELP);
  for (const [option, { value, describe, fallback }] of Object.entries(OPTIONS)) {
    const flags = value === undefined ? flagOf(option) : `${flagOf(option)} <${value}>`;
    const text =
      describe.replaceAll('`', '') + (fallback === '' || value === undefined ? '' : ` (default: ${fallback})`);
    if (option === 'header') command.option(flags, text, (each: string, all: string[]) => [...all, each], []);
    else command.option(flags, text);
  }
  const hasCommand = argv.includes('--');
  refuseFileOfJson(argv);
  return command
    .exitOverride()
    .showHelpAfterError('(add --help for the options)')
    .action((words: string[], given: Record<string, unknown>) => simulate(words, hasCommand, given));
}

async function simulate(words: readonly string[], hasCommand: boolean, given: Record<string, unknown>): Promise<void> {
  const settings = readSettings(given);
  const target = targetOf(words, hasCommand, settings);
  const { stdin, stdout, stderr } = process;
  const live = stderr.isTTY && !settings.plain;
  const paint = painter(stderr.isTTY && !settings.plain && !process.env['NO_COLOR']);
  const keys = settings.keys || (live && stdin.isTTY);
  const talk = settings.mode === 'single';
  const view: Watcher & { stop(): void } = watch({ stderr, stdin, live, keys, talk, clients: settings.clients, paint });
  let quit = (): void => {};
  const began: Watcher['began'] = (controls, about) => {
    quit = controls.quit;
    view.began?.(controls, about);
  };
  const interrupt = (): void => quit();
  process.once('SIGINT', interrupt).once('SIGTERM', interrupt);
  try {
    const result = await run(target, settings, { ...view, began });
    view.stop();
    const json = `${JSON.stringify(result, undefined, 2)}\n`;
    // First what cannot fail: a file that cannot be written must not cost the result.
    if (settings.json) stdout.write(json);
    (settings.json ? stderr : stdout).write(summaryOf(result, paint));
    if (settings.output !== undefined) write(settings.output, json);
    if (settings.report !== undefined) write(settings.report, pageOf([result]));
    process.exitCode = result.verdicts.every(({ kept }) => kept) ? EXIT.done.code : EXIT.threshold.code;
  } finally {
    view.stop();
    process.off('SIGINT', interrupt).off('SIGTERM', interrupt);
  }
}

function compareCommand(name: string): Command {
  return new Command(`${name} compare`)
    .description('Shows two results side by side, as --output wrote them.')
    .argument('<compare>')
    .argument('<before>')
    .argument('<after>')
    .option('--report <file>', 'where to write both as one HTML page')
    .exitOverride()
    .showHelpAfterError('(add --help for the options)')
    .action((_compare: string, before: string, after: string, { report }: { report?: string }) => {
      const { results, text } = compare(before, after, painter(process.stdout.isTTY && !process.env['NO_COLOR']));
      if (report !== undefined) write(report, pageOf(results));
      process.stdout.write(text);
    });
}

/**
 * Other commands take no value after `--json`, and here the word after it would count as the target.
 *
 * @throws {SimulatorError} `SIM_USAGE` for `--json result.json`
 */
function refuseFileOfJson(argv: readonly string[]): void {
  const end = argv.indexOf('--');
  const flags = end === -1 ? argv : argv.slice(0, end);
  const at = flags.findIndex((word) => /^--json(=|$)/.test(word));
  if (at === -1) return;
  const file = flags[at] === '--json' ? flags[at + 1] : flags[at]!.slice('--json='.length);
  if (file === undefined || /^(-.|(https?|wss?):)/.test(file)) return;
  const instead = file === '-' ? 'leave out the "-"' : `did you mean --output ${file}?`;
  throw new SimulatorError('SIM_USAGE', `--json takes no value, it prints on stdout; ${instead}`);
}

function targetOf(words: readonly string[], hasCommand: boolean, { header: headers, ...files }: Settings): Target {
  if (hasCommand) {
    if (words.length === 0) throw new SimulatorError('SIM_USAGE', 'give a command after --');
    return { command: words, env: process.env };
  }
  const [url, ...more] = words;
  if (url === undefined) throw new SimulatorError('SIM_USAGE', 'give a URL, or a command after --');
  if (more.length > 0)
    throw new SimulatorError(
      'SIM_USAGE',
      `one URL, please; a command goes after --, got ${JSON.stringify(more[0])} too`,
    );
  const address = readUrl(url);
  return { url: address, headers, tls: readTls(new URL(address), files) };
}

function write(path: string, text: string): void {
  try {
    writeFileSync(path, text);
  } catch (cause) {
    throw new SimulatorError('SIM_FILE', (cause as Error).message, cause);
  }
}

/** Says on stderr what went wrong. @returns the exit code for it */
function complain(error: unknown, name: string): number {
  if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT.done.code : EXIT.usage.code;
  if (error instanceof SimulatorError) {
    process.stderr.write(`${name}: ${error.message} (${error.code})\n`);
    return EXIT[ERRORS[error.code].exit].code;
  }
  process.stderr.write(`${name}: ${(error as Error).stack ?? String(error)}\n`);
  return EXIT.failed.code;
}
