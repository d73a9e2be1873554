/** The way of a new user, from a client's file to a shared Switchboard, is as docs/guide/client-files.md shows it. */
import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { dirname, join } from 'node:path';
import { createInterface } from 'node:readline';
import { describe, expect, it, onTestFinished } from 'vitest';

import { ended, folder, shell } from '../support/command.ts';
import { root } from '../support/gateway.ts';

const page = readFileSync(join(root, 'docs/guide/client-files.md'), 'utf8');
const sections = page.split(/^## /m).slice(1);

interface Step {
  line: string;
  shown: string;
}

/** The files that a section shows, by name. */
const filesOf = (section: string): [string, string][] =>
  [...section.matchAll(/^`([^`\n]+)`[\s\S]*?^```(?:json|ini)\n([\s\S]*?)^```$/gm)].map(([, name, text]) => [
    name!,
    text!,
  ]);

const stepsOf = (section: string): Step[] =>
  [...section.matchAll(/^```console\n([\s\S]*?)^```$/gm)].flatMap(([, block]) =>
    block!
      .split(/^\$ /m)
      .slice(1)
      .map((each) => {
        const [line = '', ...shown] = each.split('\n');
        return { line, shown: shown.join('\n') };
      }),
  );

/** What another machine, or another run, prints in another way. */
const steady = (text: string): string =>
  text
    .replaceAll(/^(Node|memory|open files|orphans) .*$/gm, '$1')
    .replaceAll(/(modern|legacy) \d{4}-\d\d-\d\d/g, 'era')
    .replaceAll(/, in [^,\n]*$/gm, ', in time')
    .replaceAll(/up [^,]+, [\d.]+ \w+/g, 'up')
    .replaceAll(/process \d+, Node [\d.]+/g, 'process')
    .replaceAll(/ +/g, ' ')
    .trim();

async function freePort(): Promise<string> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  return String(port);
}

describe("a client's file is shared as the guide shows", { timeout: 120_000 }, () => {
  it.each(sections.map((section) => [section.split('\n', 1)[0]!, section] as const))(
    'every command of "%s" prints what the guide shows',
    async (_, section) => {
      const [cwd, port] = [folder(), await freePort()];
      onTestFinished(() => rmSync(cwd, { recursive: true, force: true }));
      symlinkSync(join(root, 'node_modules'), join(cwd, 'node_modules'));
      execFileSync('git', ['init', '-q', cwd]);
      const files = new Map([...filesOf(section), ['notes/today.txt', 'buy milk\n']]);
      expect(files.size).toBeGreaterThan(1);
      for (const [name, text] of files) {
        mkdirSync(dirname(join(cwd, name)), { recursive: true });
        writeFileSync(join(cwd, name), text);
      }
      const env = { XDG_RUNTIME_DIR: cwd, SWITCHBOARD_PORT: port, INPUT_TALLYFY_KEY: 'an-example' };
      const seen = (text: string): string => steady(text.replaceAll(port, '8765'));
      const steps = stepsOf(section);
      expect(steps.map(({ line }) => line.split(' ')[2])).toEqual(['doctor', 'serve', 'call', 'call', 'status']);
      for (const { line, shown } of steps) {
        const child = shell(line.replaceAll('8765', port), { cwd, env });
        if (!line.includes(' serve ')) {
          const { code, stdout, stderr } = await ended(child);
          expect({ line, code, stderr }).toEqual({ line, code: 0, stderr: '' });
          expect(seen(stdout)).toBe(steady(shown));
          continue;
        }
        const printed: string[] = [];
        for await (const each of createInterface({ input: child.stdout! })) {
          printed.push(each);
          if (each.startsWith('Ctrl-C')) break;
        }
        expect(seen(printed.join('\n'))).toBe(steady(shown));
      }
    },
  );
});
