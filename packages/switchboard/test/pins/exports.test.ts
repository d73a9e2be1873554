import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';

const folder = fileURLToPath(new URL('../../', import.meta.url));

describe('what others can see of the package', () => {
  it.each([
    [
      'mcp-switchboard',
      ['ERRORS', 'Gateway', 'SwitchboardError', 'addressBlock', 'contextOf', 'createGateway', 'createLog'],
    ],
    [
      'mcp-switchboard/websocket',
      ['CLOSE_CODES', 'WebSocketClientTransport', 'WebSocketServerTransport', 'serveWebSocket'],
    ],
    ['mcp-switchboard/client', ['WebSocketClientTransport', 'connect']],
  ])('is, of %s, these names and no others', async (name, names) => {
    // By its published name: the built package, as a program that depends on it gets it.
    const library = (await import(name)) as Record<string, unknown>;
    expect(Object.keys(library).toSorted()).toEqual(names);
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
