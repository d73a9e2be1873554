import { parseArgs } from 'node:util';
import { serveStdio } from '@modelcontextprotocol/server/stdio';
import { ENGINES, type EngineName } from './containers/engine.ts';
import { Environment, type EnvironmentOptions } from './environment.ts';
import { createDevenvServer } from './server.ts';
import { version } from './version.ts';

const USAGE = `Usage: mcp-switchboard-devenv [options]

Serves MCP over stdio for the development environment of one repository.

  --root <folder>     the repository; nothing outside of it is read or changed (default: this folder)
  --config <file>     the configuration (default: devenv.json in the root, if there is one)
  --read-only         leaves out every tool that changes something
  --engine <name>     docker or podman (default: the first that answers)
  --timeout <time>    how long one command may run that is no job, such as 30s or 2m (default: 30s)
  --help, --version
`;
const UNITS = { ms: 1, s: 1_000, m: 60_000 } as const;

await run();

async function run(): Promise<void> {
  try {
    const options = readOptions();
    if (options.help) process.stdout.write(USAGE);
    else if (options.version) process.stdout.write(`${version}\n`);
    else await serve(new Environment(environmentOptions(options)));
  } catch (error) {
    process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n${USAGE}`);
    process.exitCode = 2;
  }
}

type Options = ReturnType<typeof readOptions>;

function readOptions() {
  return parseArgs({
    options: {
      root: { type: 'string', default: '.' },
      config: { type: 'string' },
      'read-only': { type: 'boolean', default: false },
      engine: { type: 'string' },
      timeout: { type: 'string', default: '30s' },
      help: { type: 'boolean', default: false },
      version: { type: 'boolean', default: false },
    },
  }).values;
}

function environmentOptions({ root, config, engine, timeout, ...options }: Options): EnvironmentOptions {
  if (engine !== undefined && !isEngine(engine)) {
    throw new Error(`--engine is ${JSON.stringify(engine)}: give ${ENGINES.join(' or ')}.`);
  }
  const [, number, unit] = /^(\d{1,7})(ms|s|m)$/.exec(timeout) ?? [];
  const timeoutMs = Number(number) * UNITS[unit as keyof typeof UNITS];
  if (!(timeoutMs > 0))
    throw new Error(`--timeout is ${JSON.stringify(timeout)}: give a time such as 500ms, 30s or 2m.`);
  return { root, config, engine, timeoutMs, readOnly: options['read-only'], env: process.env };
}

function isEngine(name: string): name is EngineName {
  return (ENGINES as readonly string[]).includes(name);
}

async function serve(environment: Environment): Promise<void> {
  const report = (error: unknown): void => {
    const message = error instanceof Error ? error.message : String(error);
    process.stderr.write(`${environment.redactor.text(message)}\n`);
  };
  // A faulty file must not keep the server from telling what is wrong with it.
  await environment.configuration.load().catch(report);
  const connection = serveStdio(() => createDevenvServer(environment), { onerror: report });
  let ending: Promise<void> | undefined;
  const end = (): void => {
    // Whatever was started goes with this process.
    ending ??= Promise.all([connection.close(), environment.close()]).then(() => process.exit(), report);
  };
  process.stdin.once('end', end).once('close', end);
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, end);
}
