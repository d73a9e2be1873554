/**
 * The guide's pages for operators are true: every line for a shell does as it stands there what the page says, and every
 * configuration can be read.
 */
import { once } from 'node:events';
import {
  cpSync,
  existsSync,
  mkdirSync,
  readFileSync,
  readdirSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { createServer } from 'node:http';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';

import { readConfig } from '../../src/cli/config.ts';
import { ended, folder, served, shell } from '../support/command.ts';
import type { Environment, Serving } from '../support/command.ts';
import { root, servers } from '../support/gateway.ts';
import { WireClient, textOf, toolCall } from '../support/wire.ts';
import type { Json } from '../support/wire.ts';

const PAGES = ['isolation.md', 'upstreams.md', 'operations.md', 'sessions.md', 'rest.md'];

/** Lines that no test can run as they stand, with the reason. */
const NOT_RUN: Readonly<Record<string, string>> = {
  'npm install --no-save @opentelemetry/sdk-node   # in the clone; with Node 20: @opentelemetry/sdk-node@0.223.0':
    'it changes the machine and asks the registry; what it makes is what the other lines find here',
};

/** What holds of one line that serves, and not of `serve` without its options. */
const PROOFS: Readonly<Record<string, (serving: Serving, cwd: string) => Promise<void>>> = {
  'switchboard serve --isolation shared -- node server.js': async ({ ws }) => {
    const [one, other] = [await WireClient.session(ws), await WireClient.session(ws)];
    await one.call(1, 'note_add', { text: 'for all' });
    expect(textOf(await other.call(1, 'note_list'))).toBe('1. for all');
  },
  'switchboard serve --audit-log audit.jsonl -- node server.js': async ({ ws }, cwd) => {
    const client = await WireClient.session(ws);
    await client.call(1, 'add', { a: 1, b: 2 });
    const path = join(cwd, 'audit.jsonl');
    const line = /"type":"session\.opened".*\n.*"type":"request\.ended".*"target":"add".*"outcome":"ok"/;
    await expect.poll(() => readFileSync(path, 'utf8'), { timeout: 10_000 }).toMatch(line);
    expect(statSync(path).mode & 0o777).toBe(0o600);
  },
  'OTEL_EXPORTER_OTLP_ENDPOINT=http://127.0.0.1:4318 switchboard serve -- node server.js': async ({ ws }) => {
    const sent: string[] = [];
    const collector = createServer((request, response) => {
      let body = `${request.url} `;
      request.on('data', (chunk: Buffer) => (body += chunk.toString('latin1')));
      request.on('end', () => sent.push(body) && response.end());
    });
    onTestFinished(() => void collector.close());
    collector.listen(4318, '127.0.0.1');
    await once(collector, 'listening');
    const client = await WireClient.session(ws);
    await client.call(1, 'add', { a: 1, b: 2 });
    const span = expect.stringMatching(/^\/v1\/traces .*switchboard.*tools\/call/s) as string;
    await expect.poll(() => sent, { timeout: 20_000 }).toContainEqual(span);
  },
  "switchboard serve --trace-url 'https://jaeger.example.com/trace/{traceId}' -- node server.js": async ({ ws }) => {
    const client = await WireClient.session(ws);
    expect(textOf(await client.call(1, 'add', { a: 1, b: 2 }))).toBe('3');
  },
};

interface Block {
  page: string;
  language: string;
  text: string;
}

function blocksOf(page: string): Block[] {
  const text = readFileSync(join(root, 'docs/guide', page), 'utf8');
  const blocks = [...text.matchAll(/^```(|sh|console|jsonc?|js|yaml)\n([\s\S]*?)^```$/gm)];
  // A block of another kind, or one that stands further right, would be passed over.
  expect(text.match(/^\s*```/gm), page).toHaveLength(2 * blocks.length);
  return blocks.map(([, language = '', inside = '']) => ({ page, language, text: inside }));
}

interface Line {
  page: string;
  line: string;
  /** What the page shows of what it prints. */
  shown: string;
}

const blocks = PAGES.flatMap(blocksOf);
const lines = blocks.flatMap(({ page, language, text }): Line[] => {
  if (language === 'sh') {
    const all = text.split('\n').filter((line) => /^[^#]/.test(line.trim()));
    return all.map((line) => ({ page, line, shown: '' }));
  }
  if (language !== 'console') return [];
  const [before, ...commands] = text.split(/^\$ /m);
  expect(before, page).toBe('');
  return commands.map((command) => {
    const [line = '', ...shown] = command.split('\n');
    return { page, line, shown: shown.join('\n') };
  });
});
const serving = lines.filter(({ line }) => /\bswitchboard serve\b/.test(line));
/** Nothing else is run: a page could say what changes the machine. */
const steering = lines.filter((each) => /^(switchboard|curl) /.test(each.line) && !serving.includes(each));

/** JSON that programs print has no spaces; the rest is for a configuration file, and a part of one begins with a name. */
const configurations = blocks
  .filter(({ language, text }) => language === 'jsonc' || (language === 'json' && !text.startsWith('{"')))
  .map(({ page, text }) => ({ page, text: text.startsWith('"') ? `{ "upstreams": { ${text} } }` : text }));

/** Numbers, durations, names of sessions and widths of columns differ from one run to the next. */
const steady = (text: string): string =>
  text
    .replaceAll(/(?<![\w-])[\w-]{22}(?![\w-])/g, 'id')
    .replaceAll(/\b\d+(\.\d+)*(ms|s)?\b/g, '0')
    .replaceAll(/ +/g, ' ')
    .trim();

/** What `npm install -g mcp-switchboard @opentelemetry/sdk-node` makes; its programs are in `bin`. */
const prefix = folder();
const bin = join(prefix, 'bin');

beforeAll(() => {
  const [from, modules] = [join(root, 'packages/switchboard'), join(prefix, 'lib/node_modules')];
  const to = join(modules, 'mcp-switchboard');
  for (const each of ['package.json', 'bin', 'dist']) cpSync(join(from, each), join(to, each), { recursive: true });
  const { dependencies } = JSON.parse(readFileSync(join(from, 'package.json'), 'utf8')) as { dependencies: Json };
  const link = (name: string, here = name): void => {
    const own = join(from, 'node_modules', here);
    mkdirSync(dirname(join(modules, name)), { recursive: true });
    symlinkSync(existsSync(own) ? own : join(root, 'node_modules', here), join(modules, name));
  };
  for (const name of Object.keys(dependencies)) link(name);
  // Here it has another name, as a Switchboard without it is tested as well.
  link('@opentelemetry/sdk-node', 'opentelemetry-sdk-node');
  mkdirSync(bin);
  symlinkSync(join(to, 'bin/switchboard.js'), join(bin, 'switchboard'));
  symlinkSync(process.execPath, join(bin, 'node'));
});
afterAll(() => rmSync(prefix, { recursive: true, force: true }));

interface Place {
  cwd: string;
  env: Environment;
}

/** A folder with what the lines name, and the environment in which they need no other port than a free one. */
function place(): Place {
  const cwd = folder();
  onTestFinished(() => rmSync(cwd, { recursive: true, force: true }));
  symlinkSync(servers.demo.args[0], join(cwd, 'server.js'));
  const upstream = { command: 'node', args: ['server.js'], isolation: 'shared' };
  writeFileSync(join(cwd, 'switchboard.json'), JSON.stringify({ upstreams: { default: upstream } }));
  const env = {
    PATH: `${bin}:${process.env['PATH']}`,
    XDG_RUNTIME_DIR: cwd,
    CURL_HOME: cwd,
    SWITCHBOARD_PORT: '0',
    SWITCHBOARD_ADMIN_TOKEN: undefined,
    OTEL_BSP_SCHEDULE_DELAY: '100',
  };
  return { cwd, env };
}

/** What the Switchboard that runs has noted for the commands of its user. */
function noted({ cwd }: Place): { url: string; token: string; pid: number } {
  const [name = ''] = readdirSync(join(cwd, 'switchboard'));
  return JSON.parse(readFileSync(join(cwd, 'switchboard', name), 'utf8')) as ReturnType<typeof noted>;
}

/** A client of a group, with a request under way; gives what the lines call its session and the request. */
async function someone(here: Place, { ws }: Serving): Promise<{ SESSION: string; REQUEST: string }> {
  const client = await WireClient.session(ws);
  client.send(toolCall(1, 'count', { to: 100, delayMs: 1000 }));
  client.send({ jsonrpc: '2.0', id: 2, method: 'ping' });
  await client.answer(2);
  const { url, token } = noted(here);
  const headers = { authorization: `Bearer ${token}`, 'content-type': 'application/json' };
  const requests = (await (await fetch(`${url}/requests`, { headers })).json()) as { id: string; session: string }[];
  const { id, session } = requests.at(-1)!;
  const body = JSON.stringify({ groups: ['blue'] });
  const changed = await fetch(`${url}/sessions/${session}`, { method: 'PATCH', headers, body });
  expect(changed.status).toBe(200);
  return { SESSION: session, REQUEST: id };
}

/** Runs a line that goes on until Ctrl-C, which comes when it has told of a client. */
async function watch(line: string, here: Place, running: Serving): Promise<void> {
  const watching = shell(line, here);
  let heard = '';
  watching.stdout!.on('data', (chunk: Buffer) => (heard += chunk.toString()));
  await expect.poll(async () => (await someone(here, running), heard), { timeout: 30_000 }).toContain('session.opened');
  process.kill(-watching.pid!, 'SIGINT');
  await once(watching, 'exit');
}

describe('the guide for operators', { timeout: 120_000 }, () => {
  it.each([...new Set(steering.map(({ page }) => page))])(
    'has lines in %s that do what is shown beside a Switchboard that runs',
    async (page) => {
      const here = place();
      const running = await served(shell('switchboard serve --config switchboard.json --audit-log audit.jsonl', here));
      // The port that the page names is led to the one that was free.
      writeFileSync(join(here.cwd, '.curlrc'), `noproxy = "*"\nconnect-to = "::127.0.0.1:${running.port}"\n`);
      await someone(here, running);
      for (const { line, shown } of steering.filter((each) => each.page === page)) {
        if (line.startsWith('switchboard events')) {
          await watch(line, here, running);
          continue;
        }
        const names = /\$(SESSION|REQUEST)/.test(line) ? await someone(here, running) : {};
        const { code, stdout, stderr } = await ended(shell(line, { ...here, env: { ...here.env, ...names } }));
        // What it leaves out is said beside what it finds.
        const noted = line.startsWith('switchboard audit --principal')
          ? expect.stringMatching(/^The log has names .* is off\.\n$/)
          : '';
        expect({ line, code, stderr }).toEqual({ line, code: 0, stderr: noted });
        if (shown !== '') expect(steady(stdout)).toBe(steady(shown));
      }
      const drained = steering.some((each) => each.page === page && each.line.includes(' drain'));
      await expect.poll(() => running.log.filter(({ msg }) => msg === 'draining')).toHaveLength(drained ? 1 : 0);
      // It waits for calls that are long; the second signal does not.
      const { pid } = noted(here);
      process.kill(pid, 'SIGTERM');
      process.kill(pid, 'SIGINT');
      await running.exit;
    },
  );

  it.each(serving)('has a line in $page that serves: $line', async ({ line }) => {
    const here = place();
    const running = await served(shell(line, here));
    expect(running.port, running.stderr()).toBeGreaterThan(0);
    await PROOFS[line]?.(running, here.cwd);
    process.kill(noted(here).pid, 'SIGTERM');
    expect(await running.exit).toBe(0);
  });

  it.each(configurations)('has a configuration in $page that can be read: $text', ({ page, text }) => {
    const names = [...text.matchAll(/\$\{env:(\w+)\}/g)].map(([, name]) => [name!, 'something']);
    expect(readConfig(text, page, Object.fromEntries(names) as NodeJS.ProcessEnv, {}).upstreams).not.toEqual({});
  });

  it('has no line that is not run and proved, but for those that are listed with the reason', () => {
    const left = lines.filter((each) => !serving.includes(each) && !steering.includes(each));
    expect(left.map(({ line }) => line)).toEqual(Object.keys(NOT_RUN));
    expect(serving.map(({ line }) => line).toSorted()).toEqual(Object.keys(PROOFS).toSorted());
  });
});
