/** Every block of the page of ported examples is run as it stands there, with free ports in place of those that it names. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Client } from '@modelcontextprotocol/client';
import { StdioClientTransport } from '@modelcontextprotocol/client/stdio';
import { describe, expect, it, onTestFinished } from 'vitest';
import { z } from 'zod';

import { readConfig } from '../../src/cli/config.ts';
import { blocksOf, freePort, promised, runModule } from '../support/blocks.ts';
import type { Block } from '../support/blocks.ts';
import { terminal } from '../support/typed.ts';
import type { Terminal } from '../support/typed.ts';
import { WireClient } from '../support/wire.ts';
import type { Json } from '../support/wire.ts';

const PAGE = 'from-the-documents.md';
const blocks = blocksOf(PAGE, ['sh', 'js', 'json', 'jsonc']);

/** Lines that no test can run, with the reason. */
const NOT_RUN: Readonly<Record<string, string>> = {
  'npm install -g': 'it changes the machine and asks the registry; its commands are found in this repository instead',
  'npm test': 'it runs the tests, of which this is one',
};
const PORTS = [8765, 8766, 9000];

/** What VS Code takes for an entry of its file (its schema has no other types of a command than `stdio`). */
const vsCodeEntry = z.strictObject({
  type: z.literal('stdio'),
  command: z.string(),
  args: z.array(z.string()).optional(),
  env: z.record(z.string(), z.string()).optional(),
});

const linesOf = (text: string): string[] =>
  text
    .replaceAll('\\\n', '')
    .split('\n')
    .filter((line) => /^[^#]/.test(line.trim()));
const isRun = (line: string): boolean => !Object.keys(NOT_RUN).some((start) => line.startsWith(start));
/** JSON with comments, and commas at the end. */
const parse = (text: string): Json =>
  JSON.parse(text.replaceAll(/^\s*\/\/.*$/gm, '').replaceAll(/,(\s*[}\]])/g, '$1')) as Json;

const hasWork = ({ language, text }: Block): boolean => language !== 'sh' || linesOf(text).some(isRun);
/** The headings that have something else than programs, and more than lines that are not run. */
const headings = [
  ...new Set(blocks.filter((block) => block.language !== 'js' && hasWork(block)).map(({ heading }) => heading)),
];
const below = (heading: string): Block[] => blocks.filter((block) => block.heading === heading);

class Reader {
  readonly terminal: Terminal = terminal();
  readonly #ports: Map<string, string> = new Map();
  readonly #env: Record<string, string> = {};
  /** What was opened. */
  readonly urls: string[] = [];

  async start(): Promise<void> {
    for (const port of PORTS) this.#ports.set(String(port), String(await freePort()));
  }

  here(text: string): string {
    let there = text.replaceAll('${workspaceFolder}', this.terminal.cwd);
    for (const [named, free] of this.#ports) there = there.replaceAll(named, free);
    // As much as a test has time for.
    return there.replaceAll('--duration 60', '--duration 2');
  }

  async line(line: string): Promise<void> {
    const [, name, value] = /^export (\w+)="(.*)"$/.exec(line) ?? [];
    if (name !== undefined) {
      // No test asks a model; without a key the chat has the one that understands commands.
      if (name !== 'ANTHROPIC_API_KEY') this.#env[name] = value!;
      return;
    }
    const env = { ANTHROPIC_API_KEY: '', ...this.#env };
    if (/^switchboard (serve|chat) (?!--help)/.test(line)) {
      const { urls, stderr } = await this.terminal.open(this.here(line), env);
      expect(urls.length, `${line}\n${stderr()}`).toBeGreaterThan(0);
      this.urls.push(...urls);
      return;
    }
    const { code, stdout, stderr } = await this.terminal.run(this.here(line), env);
    expect({ line, code, stderr: /simulate/.test(line) ? '' : stderr }).toEqual({ line, code: 0, stderr: '' });
    expect(stdout).not.toBe('');
  }

  /** Starts each entry of VS Code's file as VS Code does. */
  async vsCode(servers: Json): Promise<void> {
    for (const [name, entry] of Object.entries(servers)) {
      const { command, args = [], env = {} } = vsCodeEntry.parse(entry);
      const client = new Client({ name: 'Visual Studio Code', version: '1.120.0' });
      onTestFinished(() => client.close());
      const own = { PATH: this.terminal.env['PATH']!, XDG_RUNTIME_DIR: this.terminal.cwd };
      const how = { command, args, env: { ...own, ...env }, cwd: this.terminal.cwd, stderr: 'ignore' as const };
      await client.connect(new StdioClientTransport(how));
      expect((await client.listTools()).tools.length, name).toBeGreaterThan(0);
      await client.close();
    }
  }
}

describe('the page of ported examples', { timeout: 90_000 }, () => {
  const programs = blocks.filter(({ language }) => language === 'js');
  it.each(programs)('has a program under $heading that prints what the page says', async ({ text }) => {
    expect(promised(text)).not.toBe('');
    expect(await runModule(text, 3001)).toBe(promised(text));
  });

  it.each(headings)('has lines, files and messages under "%s" that work', async (heading) => {
    const reader = new Reader();
    await reader.start();
    const files = below(heading).filter(({ language }) => language === 'jsonc');
    const names = files.length === 2 ? ['switchboard.json', 'chat.json'] : ['switchboard.json'];
    for (const [at, { text }] of files.entries())
      writeFileSync(join(reader.terminal.cwd, names[at]!), reader.here(text));
    for (const { language, text } of below(heading)) {
      if (language === 'sh') for (const line of linesOf(text).filter(isRun)) await reader.line(line);
      if (language === 'jsonc') {
        const here = reader.here(text);
        const servers = parse(here)['servers'] as Json | undefined;
        if (servers === undefined) expect(readConfig(here, heading, {}, {}).upstreams).not.toEqual({});
        else {
          mkdirSync(join(reader.terminal.cwd, '.vscode'));
          writeFileSync(join(reader.terminal.cwd, '.vscode/mcp.json'), here);
          await reader.vsCode(servers);
        }
      }
    }
    const messages = below(heading).filter(({ language }) => language === 'json');
    if (messages.length === 0) return;
    const client = await WireClient.open(reader.here('ws://localhost:8765'), {}, []);
    for (const { text } of messages) {
      const message = JSON.parse(text) as { type: string };
      client.send(message);
      const answer = message.type === 'auth' ? 'auth_success' : 'response';
      await client.next(({ type }) => type === answer);
    }
  });

  it('has no line that is not run, but for those that are listed with the reason', () => {
    const left = blocks.filter(({ language }) => language === 'sh').flatMap(({ text }) => linesOf(text));
    const unrun = left.filter((line) => !isRun(line));
    expect(unrun.length).toBeGreaterThan(0);
    for (const start of Object.keys(NOT_RUN)) expect(unrun.some((line) => line.startsWith(start))).toBe(true);
  });
});
