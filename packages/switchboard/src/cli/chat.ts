import { Command, Option } from 'commander';

import { OPTIONS } from '../gateway/options.ts';
import type { UpstreamOptions } from '../gateway/upstream-options.ts';
import type { createLog } from '../observe/log.ts';
import { isObject } from '../protocol/jsonrpc.ts';
import type { JsonObject } from '../protocol/jsonrpc.ts';
import { withEnvFlag } from './command-upstream.ts';
import { companion } from './companion.ts';
import { checkFlags, flagFor } from './flags.ts';
import { leave } from './exit.ts';
import { endOnFault } from './last-resort.ts';
import { endOnSignal } from './signals.ts';
import { announceRun } from './run-file.ts';
import { readSources, withConfigFlag } from './sources.ts';

/** What the package of the chat offers to this command. */
interface ChatModule {
  startChat(options: {
    upstreams: Record<string, UpstreamOptions>;
    settings: JsonObject;
    /** The block `chat` of the file, and over it the flags. */
    chat: JsonObject;
    environment: NodeJS.ProcessEnv;
    /** Takes a sentence for stderr. */
    write(sentence: string): void;
  }): Promise<{
    banner: string;
    admin: { url: string; token: string } | undefined;
    log: ReturnType<typeof createLog>;
    close(): Promise<void>;
    closed: Promise<void>;
  }>;
}

const EXAMPLES = `
Examples:
  switchboard chat -- npx -y @modelcontextprotocol/server-everything
  switchboard chat --offline -- node server.js
  switchboard chat --model-url http://127.0.0.1:11434/v1 --model qwen3 --config switchboard.json

Claude answers when ANTHROPIC_API_KEY is set. A key for --model-url is read from SWITCHBOARD_MODEL_KEY.
Where no server is named, the one at MCP_SERVER_URL is used (default: http://127.0.0.1:9000/mcp/), and each person signs in to it.
TALLYFY_API_KEY and TALLYFY_ORG_ID are used for people who have not signed in.`;

/** The options of the gateway that mean something here. */
const SHARED = [
  'host',
  'port',
  'allowedHosts',
  'allowedOrigins',
  'insecure',
  'maxConnections',
  'isolation',
  'startTimeout',
  'logLevel',
  'logFormat',
  'store',
  'behindProxy',
  'trustedProxies',
  'peerListen',
  'peerUrl',
  'clusterKeyFile',
  'nodeName',
  'peerTlsCert',
  'peerTlsKey',
  'peerTlsCa',
] as const satisfies (keyof typeof OPTIONS)[];

/** Where the MCP server of Tallyfy listens, which is served when none is named; it takes credentials as arguments of each tool. */
const DEFAULT_SERVER_URL = 'http://127.0.0.1:9000/mcp/';
const AS_ARGUMENTS = { arguments: { '*': { api_key: '${auth.api_key}', org_id: '${auth.org_id}' } } };

const OWN = ['model', 'modelUrl', 'offline', 'approvals', 'retentionHours'] as const;

export function chatCommand(): Command {
  const command = withConfigFlag(
    withEnvFlag(new Command('chat')),
    'a configuration file; its block "chat" is for this command',
  )
    .description('Chat with a model that uses MCP servers, over WebSocket.')
    .argument('[command...]', 'the command of a stdio MCP server, after --')
    .option('--model <name>', 'the model that answers')
    .option('--model-url <url>', "an endpoint that speaks OpenAI's protocol, such as Ollama, vLLM or LM Studio")
    .option('--debug', 'the same as --log-level debug')
    .option('--offline', 'use no model: only commands are understood')
    .addOption(
      new Option('--approvals <when>', 'whose tools ask before they run').choices(['destructive', 'always', 'never']),
    )
    .option('--retention-hours <hours>', 'how long conversations and rooms are kept in the store; 1 or more')
    .passThroughOptions()
    .addHelpText('after', EXAMPLES);
  for (const name of SHARED) command.addOption(flagFor(name));
  return command.action((words: string[], flags: JsonObject & { config: string[]; env: string[] }) =>
    chat(words, flags),
  );
}

/** The flag says when to ask; what else the file says of approvals still holds. */
function approvalsOf({ approvals: written }: JsonObject, { approvals: when }: JsonObject): JsonObject {
  return isObject(written) && when !== undefined ? { approvals: { ...written, when } } : {};
}

async function chat(
  words: string[],
  { config, env, ...flags }: JsonObject & { config: string[]; env: string[] },
): Promise<void> {
  const isOwn = (name: string): boolean => (OWN as readonly string[]).includes(name);
  const [own, shared] = [true, false].map((wanted) =>
    Object.fromEntries(Object.entries(flags).filter(([name]) => isOwn(name) === wanted)),
  );
  const { debug, ...settings } = shared ?? {};
  if (debug === true) settings['logLevel'] ??= 'debug';
  checkFlags(settings);
  const url = process.env['MCP_SERVER_URL'] || DEFAULT_SERVER_URL;
  const fallback = { default: { url } };
  const sources = readSources({ words, env, config, flags: settings, environment: process.env, fallback });
  const module = await companion<ChatModule>('chat', 'mcp-switchboard-chat/command');
  if (module === undefined) return;
  const write = (line: string): void => void process.stderr.write(`${line}\n`);
  for (const note of sources.notes) write(`switchboard: ${note}`);
  if (!sources.isNamed) write(`switchboard: no server is named, so this is for the one at ${url} (MCP_SERVER_URL)`);
  const running = await module.startChat({
    upstreams: sources.upstreams,
    settings: sources.settings,
    chat: {
      ...(!sources.isNamed && { credentials: AS_ARGUMENTS }),
      ...sources.chat,
      ...own,
      ...approvalsOf(sources.chat, own ?? {}),
    },
    environment: process.env,
    write,
  });
  endOnFault({
    report: (where, error) => running.log({ type: 'failed', where, error }),
    drain: () => running.close(),
  });
  process.once('exit', announceRun(process.env, running.admin ?? {}));
  const ended = endOnSignal(running);
  process.stdout.write(running.banner);
  await Promise.race([ended, running.closed]);
  leave(undefined);
}
