/** The code blocks of a page of the guide, and how they are run. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { expect } from 'vitest';

import { ended } from './command.ts';
import { root } from './gateway.ts';

export interface Block {
  /** The heading above it. */
  heading: string;
  language: string;
  text: string;
}

/** Every block of a page, which has no block of another language than those of `languages`. */
export function blocksOf(page: string, languages: readonly string[]): Block[] {
  const text = readFileSync(join(root, 'docs/guide', page), 'utf8');
  const blocks: Block[] = [];
  let heading = '';
  for (const [, language, inside = '', title] of text.matchAll(/^```(\w*)\n([\s\S]*?)^```$|^#+ (.*)$/gm)) {
    if (language === undefined) heading = title ?? '';
    else blocks.push({ heading, language, text: inside });
  }
  expect(text.match(/^\s*```/gm), page).toHaveLength(2 * blocks.length);
  expect(blocks.filter(({ language }) => !languages.includes(language))).toEqual([]);
  return blocks;
}

export async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}

/** Runs a program as a module of this repository, with the port that it names led to a free one. @returns what it printed */
export async function runModule(text: string, namedPort: number): Promise<string> {
  const port = await freePort();
  const child = spawn(process.execPath, ['--input-type=module'], { cwd: root, timeout: 30_000 });
  const { code, stdout, stderr } = await ended(child, text.replaceAll(String(namedPort), String(port)));
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  return stdout.replaceAll(String(port), String(namedPort));
}

/** What a program says that it prints: its comments that stand alone. */
export const promised = (text: string): string =>
  [...text.matchAll(/^\/\/ ?(.*)$/gm)].map(([, line]) => `${line}\n`).join('');
