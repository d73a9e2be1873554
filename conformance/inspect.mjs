#!/usr/bin/env node
// Uses the servers through Switchboard with the MCP Inspector's CLI: over HTTP, and over WebSocket by `switchboard connect`, in
// both isolations. Prints a line for each and ends with `N passed, N failed`.
import { createRequire } from 'node:module';
import { inspect } from './inspector.mjs';
import { root, install } from './setup.mjs';
import { serve } from './processes.mjs';

const require = createRequire(`${root}package.json`);
const cli = `${root}packages/switchboard/dist/cli/main.js`;
const servers = {
  everything: [require.resolve('@modelcontextprotocol/server-everything/dist/index.js'), 'stdio'],
  demo: [`${root}servers/demo/dist/main.js`],
  devenv: [`${root}servers/devenv/dist/main.js`, '--root', root],
  tallyfy: [`${root}servers/tallyfy/dist/main.js`],
  luno: [`${root}servers/luno/dist/main.js`],
};
const calls = {
  everything: { tool: 'echo', args: ['message=hello'], text: 'Echo: hello' },
  demo: { tool: 'echo', args: ['text=hello'], text: 'hello' },
  devenv: {
    tool: 'project_dependencies',
    args: ['project=servers/devenv'],
    text: 'mcp-switchboard-devenv needs 0 projects',
  },
  // Without credentials these have no tool that would answer, so the Inspector ends with the code for an error result.
  tallyfy: { tool: 'get_me', args: [], text: 'not_configured', code: 5 },
  luno: { tool: 'get_balances', args: [], text: 'credentials_missing', code: 5 },
};
const count = { passed: 0, failed: 0 };

async function check(title, args, expected, exit = 0) {
  const { code, stdout, stderr } = await inspect(args);
  const passed = code === exit && stdout.includes(expected);
  count[passed ? 'passed' : 'failed']++;
  console.log(`${passed ? 'pass' : 'FAIL'}  ${title}`);
  if (!passed) console.log(`exit ${code}, expected ${JSON.stringify(expected)} in:\n${stdout}\n${stderr}`);
}

await install();
for (const isolation of ['session', 'shared']) {
  for (const [name, command] of Object.entries(servers)) {
    const options = ['--port', '0', '--isolation', isolation, '--log-level', 'warn'];
    const { url, stop } = await serve(process.execPath, [cli, 'serve', ...options, '--', process.execPath, ...command]);
    const { tool, args, text, code } = calls[name];
    const ways = {
      HTTP: (method) => [url, ...method],
      'WebSocket by connect': (method) => [
        ...method,
        '--',
        process.execPath,
        cli,
        'connect',
        url.replace('http', 'ws'),
      ],
    };
    for (const [way, asked] of Object.entries(ways)) {
      const title = `${name}, ${isolation}, ${way}`;
      await check(`${title}: lists tools`, asked(['--method', 'tools/list']), `"${tool}"`);
      const call = ['--method', 'tools/call', '--tool-name', tool, ...args.flatMap((arg) => ['--tool-arg', arg])];
      await check(`${title}: calls ${tool}`, asked(call), text, code);
    }
    await stop();
  }
}
console.log(`${count.passed} passed, ${count.failed} failed`);
process.exitCode = count.failed > 0 ? 1 : 0;
