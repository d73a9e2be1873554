/** ARCHITECTURE.md and the tree say the same. */
import { existsSync, readFileSync, readdirSync } from 'node:fs';
import { basename, join } from 'node:path';
import { describe, expect, it } from 'vitest';

import { root } from '../support/gateway.ts';
import { LAYERS } from './layers.ts';

const text = readFileSync(join(root, 'ARCHITECTURE.md'), 'utf8');
const foldersIn = (path: string): string[] =>
  readdirSync(join(root, path), { withFileTypes: true })
    .filter((entry) => entry.isDirectory() && !['node_modules', 'dist'].includes(entry.name))
    .map(({ name }) => name);

describe('ARCHITECTURE.md', () => {
  it('names only files that there are', () => {
    const sources = ['packages/switchboard/src', 'packages/switchboard', 'packages/chat/src', '.'];
    const everywhere = new Set(
      ['packages', 'servers'].flatMap((folder) =>
        readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' })
          .filter((path) => path.includes('/src/') && !path.includes('node_modules'))
          .map((path) => basename(path)),
      ),
    );
    const named = [...text.matchAll(/`([\w./-]+\.(?:tsx?|mjs|md))`/g)].map(([, path = '']) => path);
    expect(named.length).toBeGreaterThan(50);
    const isThere = (path: string): boolean =>
      path.includes('/')
        ? [...sources, ...foldersIn('packages/switchboard/src').map((room) => `packages/switchboard/src/${room}`)].some(
            (source) => existsSync(join(root, source, path)),
          )
        : existsSync(join(root, path)) || everywhere.has(path);
    expect(named.filter((path) => !isThere(path))).toEqual([]);
  });

  it('has every package, every server and every folder of their sources', () => {
    const tree = /## The tree\n\n```\n([^]*?)```/.exec(text)?.[1] ?? '';
    const wanted = [
      ...foldersIn('packages').map((name) => `packages/${name}/`),
      ...foldersIn('servers').map((name) => `servers/${name}/`),
      ...foldersIn('packages/switchboard/src').map((name) => `    ${name}/`),
      ...['chat', 'simulator'].flatMap((name) => foldersIn(`packages/${name}/src`).map((each) => `${each}/`)),
    ];
    expect(wanted.filter((each) => !tree.includes(each))).toEqual([]);
  });

  it('has the layers that the test of imports enforces', () => {
    const line = /Imports go down:\n\n```\n(.*)\n```/.exec(text)?.[1] ?? '';
    expect(line.split('←').map((layer) => layer.trim().split(/\s+/))).toEqual(LAYERS);
  });
});
