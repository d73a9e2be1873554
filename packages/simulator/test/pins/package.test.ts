import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';

const folder = fileURLToPath(new URL('../../', import.meta.url));

describe('what others can see of the simulator', () => {
  it('is these names and no others', async () => {
    // By its published name: the built package, as a program that depends on it gets it.
    const name = 'mcp-switchboard-simulator';
    const library = (await import(name)) as Record<string, unknown>;
    expect(Object.keys(library).toSorted()).toEqual([
      'ERRORS',
      'EXIT',
      'SimulatorError',
      'main',
      'readSettings',
      'reportOf',
      'run',
      'runInChild',
    ]);
  });

  it('is the command, the compiled library and the pages beside it, without sources or tests', () => {
    const { stdout } = spawnSync('npm', ['pack', '--dry-run', '--json', '--ignore-scripts'], {
      cwd: folder,
      encoding: 'utf8',
    });
    const packed: unknown = JSON.parse(stdout.slice(Math.max(0, stdout.search(/[[{]/))));
    const paths = [...JSON.stringify(packed).matchAll(/"path":"([^"]+)"/g)].map(([, path]) => path!);
    expect(paths).toEqual(
      expect.arrayContaining(['bin/simulate.js', 'dist/index.js', 'dist/child.js', 'dist/worker.js', 'README.md']),
    );
    expect(paths.filter((path) => !/^(bin|dist)\/|^(README\.md|package\.json|LICENSE)$/.test(path))).toEqual([]);
    expect(paths.filter((path) => /\.test\.|(^|\/)\.(ready|tsbuildinfo)$/.test(path))).toEqual([]);
  });
});
