import { spawnSync } from 'node:child_process';
import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';

import { readApi } from '../../../../scripts/generate/api.mjs';

const folder = fileURLToPath(new URL('../../', import.meta.url));
const reference = fileURLToPath(new URL('../../../../docs/reference/api/', import.meta.url));

describe('what others can see of the package', () => {
  it.each([
    [
      'mcp-switchboard',
      [
        'ERRORS',
        'Gateway',
        'SwitchboardError',
        'addressBlock',
        'contextOf',
        'createGateway',
        'createLog',
        'isLoopback',
        'openStore',
      ],
    ],
    [
      'mcp-switchboard/websocket',
      ['CLOSE_CODES', 'WebSocketClientTransport', 'WebSocketServerTransport', 'serveWebSocket'],
    ],
    ['mcp-switchboard/testing', ['sharedStoreContract', 'storeContract', 'transportContract', 'upstreamContract']],
    ['mcp-switchboard/client', ['WebSocketClientTransport', 'connect']],
  ])('is, of %s, these names and no others', async (name, names) => {
    // By its published name: the built package, as a program that depends on it gets it.
    const library = (await import(name)) as Record<string, unknown>;
    expect(Object.keys(library).toSorted()).toEqual(names);
  });

  it('is, of all packages, what the pages of the API say; it is documented, and every type in it can be imported', () => {
    const { pages, faults } = readApi();
    expect(faults).toEqual([]);
    expect(readdirSync(reference).toSorted()).toEqual([...pages.keys()].toSorted());
    for (const [page, text] of pages) {
      expect(readFileSync(join(reference, page), 'utf8'), `${page}: run "npm run generate"`).toBe(text);
    }
  });

  it('is the command, the compiled library and the pages beside it, without sources or tests', () => {
    const { stdout } = spawnSync('npm', ['pack', '--dry-run', '--json', '--ignore-scripts'], {
      cwd: folder,
      encoding: 'utf8',
    });
    const packed: unknown = JSON.parse(stdout.slice(Math.max(0, stdout.search(/[[{]/))));
    const paths = [...JSON.stringify(packed).matchAll(/"path":"([^"]+)"/g)].map(([, path]) => path!);
    expect(paths).toEqual(
      expect.arrayContaining([
        'bin/switchboard.js',
        'dist/index.js',
        'dist/index.d.ts',
        'dist/cli/main.js',
        'README.md',
      ]),
    );
    expect(paths.filter((path) => !/^(bin|dist)\/|^(README\.md|package\.json|LICENSE)$/.test(path))).toEqual([]);
    expect(paths.filter((path) => /\.test\.|(^|\/)\.(ready|tsbuildinfo)$/.test(path))).toEqual([]);
  });
});
