import type { Socket } from 'node:net';
import { homedir } from 'node:os';
import { Command, Option } from 'commander';

import { readConfiguration } from '../gateway/configuration.ts';
import type { ConfigurationInput } from '../gateway/configuration.ts';
import { createGateway } from '../gateway/gateway.ts';
import type { Gateway } from '../gateway/gateway.ts';
import { OPTIONS, OPTION_NAMES } from '../gateway/options.ts';
import type { Settings } from '../gateway/settings.ts';
import { createLog } from '../observe/log.ts';
import type { Emit } from '../observe/events.ts';
import { SwitchboardError, asSwitchboardError } from '../protocol/errors.ts';
import type { JsonObject } from '../protocol/jsonrpc.ts';
import { leave, reportCut, usageError } from './exit.ts';
import { checkFlags, flagFor } from './flags.ts';
import { PipeChannel } from '../transports/stdio/pipes.ts';
import type { Change } from '../gateway/change.ts';
import { announce } from './announcement.ts';
import { Imports } from './adopt/imports.ts';
import { findPages } from './console.ts';
import { commandUpstream, withEnvFlag } from './command-upstream.ts';
import { configurationFile } from './configuration-file.ts';
import { readConfig, readConfigFiles } from './config.ts';
import type { ConfigFile } from './config.ts';
import { ALIASES, settingsFromEnvironment } from './environment.ts';
import { letHeapGrow } from './heap.ts';
import { takeInheritedSocket } from './inherited-socket.ts';
import { endOnFault } from './last-resort.ts';
import { logOptions } from './logs.ts';
import { unservedByRoles } from './roles.ts';
import { endOnSignal } from './signals.ts';
import { findSimulator } from './simulate.ts';
import { readSources, withConfigFlag } from './sources.ts';
import type { Sources } from './sources.ts';
import { StartProgress } from './start-progress.ts';
import { stateStore } from './state-store.ts';
import { watchFile } from './watch.ts';
import { startTracing } from './tracing.ts';
import { Worker } from './worker.ts';
import type { WorkerStart } from './worker.ts';
import { Workers, workerCount } from './workers.ts';

const EXAMPLES = `
Examples:
  switchboard serve -- npx -y @modelcontextprotocol/server-everything
  switchboard serve --isolation shared --warm 2 -- node server.js
  switchboard serve --env GITHUB_TOKEN -- npx -y @modelcontextprotocol/server-github
  switchboard serve --config switchboard.json

Every option can also stand in the configuration file (by the name without dashes, as in maxConnections) and in the
environment (SWITCHBOARD_MAX_CONNECTIONS). A flag counts more than the environment, and that more than the file.`;

const CONFIG = 'a configuration file, or that of another MCP program; may be repeated, later ones count more';

export function serveCommand(): Command {
  const command = withConfigFlag(withEnvFlag(new Command('serve')), CONFIG)
    .description('Share MCP servers: one given as a command after --, or those of a configuration file.')
    .argument('[command...]', 'the command of a stdio MCP server, after --')
    .passThroughOptions()
    .addHelpText('after', EXAMPLES);
  for (const name of OPTION_NAMES) {
    if (OPTIONS[name].secret === true) continue;
    command.addOption(flagFor(name));
    const alias = ALIASES[name]?.flag;
    if (alias !== undefined) command.addOption(new Option(`${alias} <${OPTIONS[name].value}>`).hideHelp());
  }
  return command.action(async (words: string[], flags: ServeFlags) => {
    const worker = Worker.take(process.env);
    try {
      await serve(words, underOwnNames(flags), worker);
    } finally {
      worker?.leave();
    }
  });
}

type ServeFlags = JsonObject & { config: string[]; env: string[] };

/** Aliases of flags count where the flag itself is not given. */
function underOwnNames<T extends JsonObject>(flags: T): T {
  const own: JsonObject = { ...flags };
  for (const [name, alias] of Object.entries(ALIASES)) {
    const key = alias.flag?.slice(2).replace(/-(\w)/g, (_dash, letter: string) => letter.toUpperCase());
    if (key === undefined || own[key] === undefined) continue;
    own[name] ??= own[key];
    delete own[key];
  }
  return own as T;
}

/** What was said on the command line, which counts more than the file. */
interface StartInput {
  words: readonly string[];
  env: readonly string[];
  flags: JsonObject;
  /** Settings of one of several processes, which count more than everything that was said. */
  own: JsonObject;
}

async function serve(
  words: string[],
  { config, env, ...flags }: ServeFlags,
  worker: Worker | undefined,
): Promise<void> {
  if (flags['token'] !== undefined && flags['token'] !== 'auto') {
    const detail = '--token: only auto can be said here, as others see the flags of a process; set SWITCHBOARD_TOKEN';
    throw usageError(detail);
  }
  checkFlags(flags);
  letHeapGrow();
  const start: WorkerStart = (await worker?.start()) ?? {
    settings: {},
    fd: takeInheritedSocket(process.env, process.pid),
  };
  const { fd, settings: own } = start;
  const given = { words, env, flags, own };
  const sources = readSources({ ...given, config, environment: process.env });
  const { upstreams, access, notes, files, origins, disabled } = sources;
  const settings = { ...sources.settings, ...own };

  // What was last read of the files.
  let off: readonly string[] = disabled;
  const reading: Reading = { ...given, onRead: (read) => (off = read) };
  let log: ReturnType<typeof createLog> = () => {};
  // For what the gateway does not emit: it is shown to operators too.
  const emit: Emit = (event) => {
    log(event);
    gateway.showEvent(event);
  };
  let progress: StartProgress | undefined;
  // An entry of a client that leads here is no server to import.
  let reachedAt = `http://127.0.0.1:${OPTIONS.port.fallback}/mcp`;
  const machine = { home: homedir(), platform: process.platform, environment: process.env };
  const note = (text: string): void => void process.stderr.write(`switchboard: ${text}\n`);
  const configured = readConfiguration({ ...settings, ...access, upstreams });
  const toNote = [unservedByRoles(access, configured.settings) ?? [], notes].flat();
  if (workerCount(configured.settings) > 1) {
    for (const text of toNote) note(text);
    await new Workers({ settings: configured.settings, access, upstreams, fd, canReload: files.length > 0 }).run();
    return;
  }
  const opened = await stateStore(configured.settings, process.env, note, worker !== undefined);
  const tracing = await startTracing(process.env, (line) => process.stderr.write(`switchboard: ${line}\n`));
  const servePages = await findPages();
  const gateway: Gateway = createGateway({
    ...settings,
    ...access,
    upstreams,
    environment: process.env,
    ...(opened !== undefined && { stateStore: opened }),
    onEvent: (event) => (progress === undefined ? log(event) : progress.onEvent(event, () => log(event))),
    ...(files.length > 0 && { onReload: () => reloadFrom(files, gateway, emit, reading) }),
    ...(worker !== undefined && {
      onDrain: (timeoutMs) => worker.drainAll(timeoutMs),
      problems: () => worker.problems,
    }),
    ...(files.length === 1 && {
      configurationFile: configurationFile({
        path: files[0]!,
        disabled: () => off,
        changeBy: (text, variables) =>
          gateway.changeBy(inputOf(readConfig(text, files[0]!, process.env, flags, variables), given)),
        reload: () => reloadFrom(files, gateway, emit, reading),
        imports: new Imports({ path: files[0]!, machine, url: () => reachedAt }),
      }),
    }),
    ...(tracing !== undefined && { tracer: tracing.tracer }),
    ...(servePages !== undefined && { servePages }),
    simulator: findSimulator,
    origins,
  });
  log = createLog({
    ...logOptions(gateway.settings),
    ...(worker !== undefined && { facts: { worker: worker.number } }),
  });
  if (worker === undefined) {
    progress = progressOf(gateway.settings, upstreams);
    for (const text of toNote) note(text);
  }

  const reload = files.length === 0 ? undefined : (): void => attempt(() => reloadFrom(files, gateway, emit, reading));
  const watched = files.map((file) => watchFile(file, reload!));
  const drain = (): Promise<void> => gateway.drain();
  endOnFault({ drain, report: (where, error) => emit({ type: 'failed', where, error }) });
  if (worker === undefined) void endOnSignal({ close: drain }, reload);
  else {
    const within = (timeoutMs?: number): void => void gateway.drain(timeoutMs === undefined ? {} : { timeoutMs });
    worker.obey({ drain: within, reload: reload ?? (() => {}), accept: (socket) => gateway.accept(socket) });
  }
  let channel: PipeChannel | undefined;
  try {
    const passOn = worker && ((node: string, socket: Socket) => worker.passOn(node, socket));
    const addresses = await gateway.listen({ fd, ...(passOn !== undefined && { passOn }) });
    reachedAt = addresses.at(-1)?.http ?? reachedAt;
    const { adminUrl, adminToken, newToken } = gateway;
    const serving = { addresses, adminUrl, console: gateway.consoleLink()?.url };
    if (worker !== undefined) worker.serves(serving);
    else announce({ ...serving, adminToken, newToken, settings: gateway.settings, access, upstreams });
    if (gateway.settings.transport.includes('stdio')) channel = serveStdio(gateway);
  } catch (error) {
    await gateway.close();
    throw withBridge(error, gateway.settings);
  }
  await gateway.closed;
  progress?.close();
  for (const stopWatching of watched) stopWatching();
  await tracing?.end();
  leave(channel);
}

/** A client that starts this again, while what it started before still serves others, is better led to that. */
function withBridge(error: unknown, { transport, host, port }: Settings): unknown {
  const { code } = asSwitchboardError(error);
  if (code !== 'SWB_PORT_IN_USE' || !transport.includes('stdio')) return error;
  const detail = `${host}:${port}; where Switchboard runs there already, let this client start "switchboard connect ws://${host}:${port}/mcp"`;
  return new SwitchboardError('SWB_PORT_IN_USE', { detail, cause: error });
}

/** What is shown of servers that start, where somebody watches. */
function progressOf({ startTimeout, logLevel }: Settings, upstreams: Sources['upstreams']): StartProgress | undefined {
  const { stderr } = process;
  if (!stderr.isTTY || logLevel === 'silent') return undefined;
  return new StartProgress({
    upstreams,
    startTimeoutMs: startTimeout,
    // Some terminals tell none.
    columns: () => stderr.columns || 80,
    write: (text) => void stderr.write(text),
    now: () => performance.now(),
  });
}

/** What a reload needs. */
interface Reading extends StartInput {
  /** Told which servers are switched off in the files. */
  onRead(disabled: readonly string[]): void;
}

/** What the gateway is told of the files. */
function inputOf(
  { settings, access, upstreams }: ConfigFile,
  { words, env, flags, own }: StartInput,
): ConfigurationInput {
  const command = commandUpstream(words, env, process.env);
  const all = command === undefined ? upstreams : { ...upstreams, default: command };
  return { ...settings, ...access, ...settingsFromEnvironment(process.env), ...flags, ...own, upstreams: all };
}

/** Reads the files again. @throws {SwitchboardError} what is wrong with it, which is told in the log too; nothing changes then. */
function reloadFrom(files: readonly string[], gateway: Gateway, emit: Emit, reading: Reading): Change {
  try {
    const read = readConfigFiles(files, process.env, reading.flags);
    const change = gateway.reload(inputOf(read, reading));
    reading.onRead(read.disabled);
    return change;
  } catch (error) {
    emit({ type: 'reload.failed', reason: asSwitchboardError(error).message });
    throw error;
  } finally {
    gateway.reopenAuditLog();
  }
}

/** Does what may fail, where its failure has been told already. */
function attempt(work: () => unknown): void {
  try {
    work();
  } catch {
    // Told.
  }
}

/** The client on stdin and stdout; where it is the only way in, Switchboard ends with it. */
function serveStdio(gateway: Gateway): PipeChannel {
  const { maxMessageSize, maxQueueSize, transport } = gateway.settings;
  const channel = new PipeChannel(process.stdin, process.stdout, {
    maxMessageBytes: maxMessageSize,
    maxQueueBytes: maxQueueSize,
  });
  gateway.attach(channel, 'stdio', undefined, () => {
    reportCut(channel);
    if (transport.length === 1) process.emit('SIGTERM');
  });
  return channel;
}
