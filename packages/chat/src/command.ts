/** What `switchboard chat` runs. */
import { createLog, openStore } from 'mcp-switchboard';
import type { GatewayOptions } from 'mcp-switchboard';

import { createChat } from './chat.ts';
import type { PageServer } from './pages.ts';
import { modelOf, readChatSettings, withFallback } from './settings.ts';

/** What `switchboard chat` hands over. */
export interface StartOptions {
  /** The MCP servers. */
  upstreams: GatewayOptions['upstreams'];
  /** Options of the gateway, as they were written; the address is among them. */
  settings: Readonly<Record<string, unknown>>;
  /** The block `chat` of a configuration file, and over it the flags. */
  chat: Readonly<Record<string, unknown>>;
  /** The variables of the environment, keys of providers among them. */
  environment: Readonly<Record<string, string | undefined>>;
  /** Takes a sentence for stderr. */
  write(sentence: string): void;
}

/** A chat that listens. */
export interface Started {
  /** For people who started it. */
  banner: string;
  /** Where commands for operators reach it. */
  admin: { url: string; token: string } | undefined;
  /** Writes an event to its log. */
  log: ReturnType<typeof createLog>;
  /** Ends it once the model has answered what it was asked, or after the gateway's `drainTimeout`; resolves when everything is gone. */
  close(): Promise<void>;
  /** Resolves when everything is gone, whoever asked for it. */
  closed: Promise<void>;
}

/** The package of the web pages, where it is installed. */
const CONSOLE = 'mcp-switchboard-console';
const NO_MODEL = 'offline, as ANTHROPIC_API_KEY is not set: it understands only commands. Say: tools';

/**
 * Starts a chat as `switchboard chat` does.
 *
 * @throws {SwitchboardError} `SWB_CONFIG_INVALID`, `SWB_PORT_IN_USE`, `SWB_PUBLIC_BIND`, `SWB_STORE_INVALID`
 */
export async function startChat(options: StartOptions): Promise<Started> {
  const { upstreams, environment, write } = options;
  const { maxConnections, ...settings } = options.settings;
  const { store } = settings;
  const isKept = typeof store === 'string' && store !== 'auto' && store !== 'memory';
  const stateStore = typeof store === 'string' && store.startsWith('sqlite:') ? await openStore(store) : undefined;
  const { limits, model, modelUrl, provider, offline, credentials: asked, ...chosen } = readChatSettings(options.chat);
  const credentials = withFallback(asked, environment, (sentence) => write(`switchboard: ${sentence}`));
  if (chosen.retentionHours !== undefined && !isKept) {
    write(
      'switchboard: retentionHours keeps conversations in memory only; name a store, such as --store sqlite:chat.db',
    );
  }
  const choice = { model, modelUrl, provider, offline };
  const servePages = await findPages();
  let log: Started['log'] = () => {};
  const chat = createChat({
    ...limits,
    ...chosen,
    ...(credentials !== undefined && { credentials }),
    ...(maxConnections !== undefined && { maxConnections: Number(maxConnections) }),
    ...(servePages !== undefined && { servePages }),
    upstreams,
    model: modelOf(choice, environment),
    gateway: {
      ...settings,
      environment,
      onEvent: (event) => log(event),
      ...(stateStore !== undefined && { stateStore }),
    },
    onEvent: (event) => log({ ...event, type: `chat.${event.type}` }),
  });
  const { logLevel, logFormat } = chat.settings;
  log = createLog({ level: logLevel, format: logFormat, coloured: (environment['NO_COLOR'] ?? '') === '' });
  try {
    const url = await chat.listen();
    const page = servePages === undefined ? '' : `  Page       ${url.replace(/^ws/, 'http')}\n`;
    const name = chat.model === 'offline' && offline !== true ? NO_MODEL : chat.model;
    const servers = Object.keys(upstreams).join(', ');
    const banner = `The chat is open:\n\n${page}  WebSocket  ${url}\n\nServers: ${servers}\nModel:   ${name}\n\nCtrl-C ends it.\n`;
    return { banner, admin: chat.admin, log, close: () => chat.drain(), closed: chat.closed };
  } catch (error) {
    await chat.close();
    throw error;
  }
}

async function findPages(): Promise<PageServer | undefined> {
  try {
    return ((await import(CONSOLE)) as { servePages: PageServer }).servePages;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ERR_MODULE_NOT_FOUND') return undefined;
    throw error;
  }
}
