/** `cluster up`: several nodes with all that they need, on this machine, to try it. */
import { randomBytes } from 'node:crypto';
import { delimiter } from 'node:path';
import { Command, Option } from 'commander';

import { OPTIONS } from '../gateway/options.ts';
import { asSwitchboardError } from '../protocol/errors.ts';
import type { JsonObject } from '../protocol/jsonrpc.ts';
import { counted } from '../util/counted.ts';
import { AdminClient } from './admin-client.ts';
import { withEnvFlag } from './command-upstream.ts';
import { findBalancer } from './cluster/balancer.ts';
import { freePorts, mustBeFree, whenAnswered } from './cluster/ports.ts';
import { Programs } from './cluster/programs.ts';
import { findRedis, startRedis } from './cluster/redis.ts';
import { usageError } from './exit.ts';
import { checkFlags, flagFor } from './flags.ts';
import { endOnFault } from './last-resort.ts';
import { ownCommand } from './own-command.ts';
import { configFiles, readSources, withConfigFlag } from './sources.ts';
import { endOnSignal } from './signals.ts';
import { clean, print, printJson } from './table.ts';

const EXAMPLES = `
Examples:
  switchboard cluster up 3 -- node server.js
  switchboard cluster up 2 --isolation shared --config switchboard.json

It needs redis-server or valkey-server, and haproxy or nginx. Everything listens on this machine alone, keeps nothing, and ends with Ctrl-C.
For nodes on machines of their own, see docs/guide/many-nodes.md.`;

/** More would only wait for each other on one machine. */
const MAX_NODES = 9;
const PATIENCE_MS = 30_000;

export const clusterCommand = (): Command =>
  new Command('cluster').description('Try several nodes on this machine.').addCommand(upCommand());

type UpFlags = JsonObject & { config: string[]; env: string[]; isolation?: string; logLevel: string; json?: boolean };

function upCommand(): Command {
  const config = 'a configuration file of the nodes; may be repeated, later ones count more';
  return withConfigFlag(withEnvFlag(new Command('up')), config)
    .description('Start several nodes, a Redis and a balancer on this machine, to try them.')
    .argument('<nodes>', `how many, from 2 to ${MAX_NODES}`)
    .argument('[command...]', 'the command of a stdio MCP server, after --')
    .addOption(flagFor('port'))
    .addOption(flagFor('isolation'))
    .addOption(new Option('--log-level <level>', 'lowest level that the nodes log').default('warn'))
    .option('--json', 'print where they are as JSON')
    .addHelpText('after', EXAMPLES)
    .action((nodes: string, words: string[], flags: UpFlags) => up(nodes, words, flags));
}

async function up(text: string, words: string[], { config, env, ...flags }: UpFlags): Promise<void> {
  const count = /^\d$/.test(text) ? Number(text) : 0;
  if (count < 2 || count > MAX_NODES)
    throw usageError(`expected from 2 to ${MAX_NODES} nodes, got ${JSON.stringify(text)}`);
  checkFlags(flags);
  // What is wrong with it is said once, and not by each node.
  const { upstreams } = readSources({ words, env, config, flags, environment: process.env });
  const [redis, balancer] = [findRedis(process.env), findBalancer(process.env)];

  const port = Number(flags['port'] ?? OPTIONS.port.fallback);
  await mustBeFree(port);
  const note = (sentence: string): void => void process.stderr.write(`switchboard: ${sentence}\n`);
  const programs = new Programs({
    onEnded: (name, how) => note(`${name} ${how}`),
    onLine: (name, line) => void process.stderr.write(`${name}: ${clean(line)}\n`),
  });
  endOnFault({ drain: () => programs.end(), report: (where, error) => note(`${where}: ${String(error)}`) });
  const ended = endOnSignal({ close: () => programs.end() });
  try {
    const [redisPort, ...ports] = await freePorts(1 + 2 * count);
    const store = await startRedis(redis, redisPort!, programs);
    const shared = {
      SWITCHBOARD_STORE: store,
      SWITCHBOARD_CLUSTER_KEY: randomBytes(48).toString('base64'),
      SWITCHBOARD_CONFIG: configFiles(config, process.env).join(delimiter),
    };
    const nodes = await Promise.all(
      Array.from({ length: count }, async (_, index) => {
        const name = String.fromCharCode('a'.charCodeAt(0) + index);
        const [own, peer] = [ports[index]!, ports[count + index]!];
        const at = ['--host', '127.0.0.1', '--port', String(own), '--peer-listen', `127.0.0.1:${peer}`];
        const args = [
          'serve',
          ...at,
          '--node-name',
          name,
          '--workers',
          '1',
          '--log-level',
          flags.logLevel,
          '--log-format',
          'text',
          ...(flags.isolation === undefined ? [] : ['--isolation', flags.isolation]),
          ...env.flatMap((each) => ['--env', each]),
          ...(words.length === 0 ? [] : ['--', ...words]),
        ];
        const node = programs.start(`node ${name}`, process.execPath, [process.argv[1]!, ...args], {
          env: shared,
          ready: /^Ctrl-C/m,
        });
        await node.ready;
        return { name, port: own, pid: node.pid };
      }),
    );
    const url = `http://127.0.0.1:${port}`;
    balancer.start({ port, nodes }, programs);
    await whenAnswered(`${url}/livez`, PATIENCE_MS);
    const found = {
      url: `${url}/mcp`,
      nodes: nodes.map(({ port: own, ...node }) => ({ ...node, url: `http://127.0.0.1:${own}` })),
      balancer: balancer.name,
      redis: redis.name,
    };
    if (flags.json === true) printJson(found);
    else print(described(found));
    void warnOfServers(Object.keys(upstreams), found.nodes[0]!.url, programs, note);
  } catch (error) {
    const isTold = programs.isEnding;
    await programs.end();
    process.stdin.destroy();
    if (!isTold) throw error;
  }
  await ended;
}

/** Says which servers cannot start: nobody would know before the first client comes. Never rejects. */
async function warnOfServers(
  names: readonly string[],
  url: string,
  programs: Programs,
  note: (sentence: string) => void,
): Promise<void> {
  for (const name of names) {
    try {
      await AdminClient.find({ url }, process.env).ask('POST', `/upstreams/${encodeURIComponent(name)}/check`);
    } catch (error) {
      if (programs.isEnding) return;
      const { code, message } = asSwitchboardError(error);
      // That only a client can bring.
      if (code !== 'SWB_CREDENTIAL_MISSING') note(`${name} cannot be used: ${message}`);
    }
  }
}

interface Found {
  url: string;
  nodes: { name: string; pid: number; url: string }[];
  balancer: string;
  redis: string;
}

/** With commands that work as they are pasted. */
function described({ url, nodes, balancer, redis }: Found): string {
  const [first] = nodes;
  const command = ownCommand();
  return `${counted(nodes.length, 'node')} serve as one, behind ${balancer}, with ${redis}:

  HTTP       ${url}
  WebSocket  ${url.replace('http', 'ws')}

${nodes.map(({ name, pid, url: own }) => `  node ${name}     process ${pid}, ${own}`).join('\n')}

See them:  ${command} status --url ${nodes.at(-1)!.url}
Kill one:  kill -9 ${first!.pid}
Drain one: ${command} drain --url ${first!.url}
Ctrl-C ends all of it.`;
}
