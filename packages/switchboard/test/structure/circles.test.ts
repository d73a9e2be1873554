/** No file imports itself by a way around, types included: each can be read, and tested, without those that use it. */
import { existsSync, readFileSync, readdirSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { describe, expect, it } from 'vitest';

import { root } from '../support/gateway.ts';

type Imports = ReadonlyMap<string, readonly string[]>;

const sources = ['packages', 'servers']
  .flatMap((folder) => readdirSync(join(root, folder)).map((name) => `${folder}/${name}/src`))
  .filter((path) => existsSync(join(root, path)));

function importsOf(path: string): Imports {
  const src = join(root, path);
  const files = readdirSync(src, { recursive: true, encoding: 'utf8' }).filter((name) => /\.tsx?$/.test(name));
  return new Map(
    files.map((file) => {
      const text = readFileSync(join(src, file), 'utf8');
      const found = [...text.matchAll(/from '(\.[^']+)'|import\('(\.[^']+)'\)/g)];
      return [file, found.map(([, still, late]) => relative(src, join(dirname(join(src, file)), still ?? late!)))];
    }),
  );
}

/** Every circle, as the files in their order; one for each place where a walk comes back to a file that it has not left. */
function circlesIn(imports: Imports): string[] {
  const circles: string[] = [];
  const done = new Set<string>();
  const walk = (file: string, way: readonly string[]): void => {
    const since = way.indexOf(file);
    if (since !== -1) circles.push([...way.slice(since), file].join(' -> '));
    if (since !== -1 || done.has(file)) return;
    for (const each of imports.get(file) ?? []) walk(each, [...way, file]);
    done.add(file);
  };
  for (const file of imports.keys()) walk(file, []);
  return circles;
}

describe('imports', () => {
  it.each(sources)('go in no circle in %s', (path) => {
    const imports = importsOf(path);
    expect(imports.size).toBeGreaterThan(0);
    expect(circlesIn(imports)).toEqual([]);
  });

  it('would be seen to go in a circle', () => {
    const imports = new Map([
      ['a.ts', ['b.ts']],
      ['b.ts', ['c.ts', 'd.ts']],
      ['c.ts', ['a.ts']],
      ['d.ts', ['d.ts']],
    ]);
    expect(circlesIn(imports)).toEqual(['a.ts -> b.ts -> c.ts -> a.ts', 'd.ts -> d.ts']);
  });
});
