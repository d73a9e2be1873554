/** What is said of servers that do not start, all of them real programs. */
import { chmodSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';

import type { GatewayOptions } from '../../src/gateway/gateway.ts';
import type { UpstreamOptions } from '../../src/gateway/upstream-options.ts';
import { folder } from '../support/command.ts';
import { expectEmpty, startGateway } from '../support/gateway.ts';
import { WireClient, initializeParams, textOf } from '../support/wire.ts';

/** The message with which `initialize` fails. */
async function refusal(
  upstream: UpstreamOptions,
  startTimeout: GatewayOptions['startTimeout'] = '60s',
): Promise<string> {
  const test = await startGateway({ upstreams: { default: upstream }, startTimeout });
  const client = await WireClient.open(test.ws);
  client.send({ jsonrpc: '2.0', id: 1, method: 'initialize', params: initializeParams() });
  const { error } = (await client.answer(1)) as { error: { message: string } };
  client.socket.close();
  await expectEmpty(test);
  return error.message;
}

const program = (source: string): UpstreamOptions => ({ command: process.execPath, args: ['-e', source] });

/** Stands for a program that downloads what it runs. */
function fakeNpx(script: string): string {
  const path = join(folder(), 'npx');
  writeFileSync(path, `#!/bin/sh\n${script}\n`);
  chmodSync(path, 0o700);
  onTestFinished(() => rmSync(join(path, '..'), { recursive: true }));
  return path;
}

/** As npm 10 writes it. */
const NPM = `npm error code E404
npm error 404 Not Found - GET https://registry.example/no-such - Not found
npm error 404
npm error 404  The requested resource 'no-such@*' could not be found or you do not have permission to access it.
npm error 404
npm error 404 Note that you can also install from a
npm error 404 tarball, folder, http url, or git url.
npm error A complete log of this run can be found in: /tmp/debug-0.log`;

describe('a program that ends before it has answered', () => {
  it.each([
    ['throws', 'null.x', "; its last words on stderr: TypeError: Cannot read properties of null (reading 'x')"],
    [
      'fails with fields',
      "require('fs').readFileSync('/nowhere/x')",
      "; its last words on stderr: Error: ENOENT: no such file or directory, open '/nowhere/x'",
    ],
    ['misses a module', "require('no-such-package')", ": Error: Cannot find module 'no-such-package' | Require stack:"],
    ['throws no error', 'throw { code: 7 }', '; its last words on stderr: { code: 7 }'],
    ['rejects', "Promise.reject(new RangeError('too far'))", '; its last words on stderr: RangeError: too far'],
    [
      'writes lines without an error',
      "console.error('one\\n\\ntwo\\nthree\\nfour'); process.exitCode = 3",
      'exited with code 3; its last words on stderr: two | three | four',
    ],
    [
      'prints how to use it',
      "console.log('Usage: server <folder>'); process.exitCode = 1",
      'exited with code 1; it printed on stdout: Usage: server <folder>',
    ],
    [
      'shows its usage behind what is wrong',
      "console.error('Unknown option --rot\\nUsage: server [options]\\n  --root <folder>\\n  --help'); process.exitCode = 2",
      'exited with code 2; its last words on stderr: Unknown option --rot',
    ],
    ['says nothing', 'process.exitCode = 4', 'exited with code 4; it wrote nothing to stderr'],
    [
      'has nothing to do',
      '',
      'exited with code 0; it wrote nothing to stderr. An MCP server on stdio runs until its stdin is closed; check the command and its arguments',
    ],
    [
      'is npm',
      `process.stderr.write(${JSON.stringify(NPM)}); process.exitCode = 1`,
      ': npm error 404 Not Found - GET https://registry.example/no-such - Not found | npm error 404  The requested resource',
    ],
  ])('and %s is shown by the line that says why', async (_, source, words) => {
    const message = await refusal(program(source));
    expect(message).toContain(words);
    expect(message).not.toMatch(/ {3}at |Node\.js v|\^/);
  });
});

describe('a program that does not answer', () => {
  it('is shown with the whole wait, what it wrote, and the option that waits longer', async () => {
    const message = await refusal(program("console.error('loading the model'); setInterval(() => {}, 1e3)"), '500ms');
    expect(message).toMatch(/no answer to initialize after \d(\.\d)? s|no answer to initialize after \d+ ms/);
    expect(message).toMatch(
      / in all; its last words on stderr: loading the model\. If it needs longer to start, raise --start-timeout \(startTimeout, now 0\.5s\)$/,
    );
  });

  it('and is npx may still be downloading the package', async () => {
    const message = await refusal({ command: fakeNpx('sleep 30'), args: ['-y', 'some-server'] }, '300ms');
    expect(message).toContain(
      'it wrote nothing to stderr. npx may still be downloading the package: raise --start-timeout (startTimeout, now 0.3s)',
    );
  });

  it('in the one era that it speaks while it is being started is asked once more when it is up', async () => {
    // What it was asked first it never saw, as it was not there yet.
    const server = `
      let seen = 0;
      require('readline').createInterface({ input: process.stdin }).on('line', (line) => {
        const { id, method } = JSON.parse(line);
        if (seen++ === 0 || id === undefined) return;
        const result = { resultType: 'complete', supportedVersions: ['2026-07-28'], capabilities: { tools: {} } };
        if (method === 'tools/call') result.content = [{ type: 'text', text: 'here' }];
        const error = { code: -32601, message: 'Method not found' };
        console.log(JSON.stringify({ jsonrpc: '2.0', id, ...(method === 'initialize' ? { error } : { result }) }));
      });`;
    const test = await startGateway({
      upstreams: { default: program(server) },
      isolation: 'shared',
      startTimeout: '1500ms',
    });
    const client = await WireClient.session(test.ws);
    expect(textOf(await client.call(1, 'anything'))).toBe('here');
    client.socket.close();
    await expectEmpty(test, { members: 1 });
  });
});

describe('a server that refuses to start', () => {
  it('is shown with its refusal in the last era, and that in the other one', async () => {
    const server = `require('readline').createInterface({ input: process.stdin }).on('line', (line) => {
      const { id, method } = JSON.parse(line);
      const message = method === 'initialize' ? 'no license' : 'unknown method';
      const code = method === 'initialize' ? -32000 : -32601;
      console.log(JSON.stringify({ jsonrpc: '2.0', id, error: { code, message } }));
    });`;
    const test = await startGateway({ upstreams: { default: program(server) }, isolation: 'shared' });
    const client = await WireClient.open(test.ws);
    client.send({ jsonrpc: '2.0', id: 1, method: 'initialize', params: initializeParams() });
    expect((await client.answer(1))['error']).toMatchObject({
      message: expect.stringContaining(
        'it refused to start: no license (-32000); to server/discover before: it refused to start: unknown method (-32601)',
      ),
    });
  });
});
