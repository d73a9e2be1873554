// Clients of the npm registry, and how each lists the tools of a server: by Streamable HTTP, by the SSE transport of 2024, by WebSocket, and
// over stdio through `switchboard connect`.
import { execFile } from 'node:child_process';

export const WAYS = ['http', 'sse', 'ws', 'connect'];
const INFO = { name: 'compatibility', version: '1' };

async function names(client, transport) {
  await client.connect(transport);
  try {
    return (await client.listTools()).tools.map(({ name }) => name);
  } finally {
    await client.close().catch(() => {});
  }
}

/** The official SDK before it was split; Streamable HTTP came with 1.10. */
function sdk1(range, { hasHttp = true } = {}) {
  const alias = `sdk-${range.replaceAll('.', '-')}`;
  const client = async (load) => new (await load(`${alias}/client/index.js`)).Client(INFO, { capabilities: {} });
  const by =
    (file, name, target) =>
    async ({ load, given }) =>
      names(await client(load), new (await load(`${alias}/client/${file}.js`))[name](target(given)));
  return {
    title: `\`@modelcontextprotocol/sdk\` ${range}`,
    alias,
    packages: [`${alias}@npm:@modelcontextprotocol/sdk@${range}`, ...(hasHttp ? [] : ['eventsource@2'])],
    ways: {
      ...(hasHttp && { http: by('streamableHttp', 'StreamableHTTPClientTransport', ({ http }) => new URL(http)) }),
      sse: async (context) => {
        // The first versions take that of a browser.
        if (!hasHttp) globalThis.EventSource ??= (await context.load('eventsource')).default;
        return by('sse', 'SSEClientTransport', ({ sse }) => new URL(sse))(context);
      },
      ws: by('websocket', 'WebSocketClientTransport', ({ ws }) => new URL(ws)),
      connect: by('stdio', 'StdioClientTransport', ({ connect }) => connect),
    },
  };
}

/** The official SDK since then, in one of its modes. */
function sdk2(range, mode, title) {
  const alias = `client-${range.replaceAll('.', '-')}`;
  const by =
    (file, name, target) =>
    async ({ load, given }) => {
      const { Client } = await load(alias);
      const transport = (await load(file === '' ? alias : `${alias}/${file}`))[name];
      return names(new Client(INFO, { versionNegotiation: { mode } }), new transport(target(given)));
    };
  return {
    title: `\`@modelcontextprotocol/client\` ${range}, ${title}`,
    alias,
    packages: [`${alias}@npm:@modelcontextprotocol/client@${range}`],
    ways: {
      http: by('', 'StreamableHTTPClientTransport', ({ http }) => new URL(http)),
      // The transport of 2024 has no modern era.
      ...(typeof mode === 'string' && { sse: by('', 'SSEClientTransport', ({ sse }) => new URL(sse)) }),
      connect: by('stdio', 'StdioClientTransport', ({ connect }) => connect),
    },
  };
}

const modes = (range) => [
  sdk2(range, 'legacy', 'legacy'),
  sdk2(range, 'auto', 'auto'),
  sdk2(range, { pin: '2026-07-28' }, 'modern'),
];

const run = (command, args) =>
  new Promise((resolve, reject) => {
    execFile(command, args, { timeout: 30_000 }, (error, stdout, stderr) => {
      if (error === null) resolve(stdout);
      else reject(new Error(stderr.trim() || error.message));
    });
  });

const viaAiSdk =
  (target) =>
  async ({ load, given }) => {
    const module = await load('@ai-sdk/mcp');
    const create = module.createMCPClient ?? module.experimental_createMCPClient;
    const client = await create({ transport: await target(given, load) });
    try {
      return Object.keys(await client.tools());
    } finally {
      await client.close();
    }
  };

const viaInspector =
  (transport, target) =>
  async ({ given, program }) => {
    const args = [
      '--cli',
      ...target(given),
      ...(transport === '' ? [] : ['--transport', transport]),
      '--method',
      'tools/list',
    ];
    const answer = await run(process.execPath, [program('@modelcontextprotocol/inspector', 'mcp-inspector'), ...args]);
    return JSON.parse(answer).tools.map(({ name }) => name);
  };

const viaMcpRemote =
  (strategy, target) =>
  async ({ load, given, program }) => {
    const { Client } = await load('sdk-1/client/index.js');
    const { StdioClientTransport } = await load('sdk-1/client/stdio.js');
    const args = [program('mcp-remote', 'mcp-remote'), target(given), '--allow-http', '--transport', strategy];
    return names(new Client(INFO, {}), new StdioClientTransport({ command: process.execPath, args, stderr: 'ignore' }));
  };

export const CLIENTS = [
  sdk1('1.0', { hasHttp: false }),
  sdk1('1.10'),
  sdk1('1.13'),
  sdk1('1.20'),
  sdk1('1.25'),
  sdk1('1'),
  ...modes('2.0'),
  ...modes('2'),
  {
    title: '`@ai-sdk/mcp`',
    alias: '@ai-sdk/mcp',
    packages: ['@ai-sdk/mcp', 'ws'],
    ways: {
      http: viaAiSdk(({ http }) => ({ type: 'http', url: http })),
      sse: viaAiSdk(({ sse }) => ({ type: 'sse', url: sse })),
      connect: viaAiSdk(async ({ connect }, load) => {
        const module = await load('@ai-sdk/mcp/mcp-stdio');
        return new (module.StdioMCPTransport ?? module.Experimental_StdioMCPTransport)(connect);
      }),
    },
  },
  {
    title: 'MCP Inspector (`--cli`)',
    alias: '@modelcontextprotocol/inspector',
    packages: ['@modelcontextprotocol/inspector'],
    ways: {
      http: viaInspector('http', ({ http }) => [http]),
      sse: viaInspector('sse', ({ sse }) => [sse]),
      connect: viaInspector('', ({ connect: { command, args } }) => [command, ...args]),
    },
  },
  {
    title: '`mcp-remote`',
    alias: 'mcp-remote',
    packages: ['mcp-remote'],
    ways: {
      http: viaMcpRemote('http-only', ({ http }) => http),
      sse: viaMcpRemote('sse-only', ({ sse }) => sse),
    },
  },
];
