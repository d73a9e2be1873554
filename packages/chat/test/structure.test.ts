/** What the sources keep to. */
import { readFileSync, readdirSync } from 'node:fs';
import { posix } from 'node:path';
import { describe, expect, it } from 'vitest';

const folder = new URL('../src/', import.meta.url);
const files = readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter((name) => name.endsWith('.ts'));
/** Without block comments, whose examples may do what the sources may not. */
const codeOf = (name: string): string =>
  readFileSync(new URL(name, folder), 'utf8').replaceAll(/\/\*\*[\s\S]*?\*\//g, '');
const sources = new Map(files.map((name) => [name.replaceAll('\\', '/'), codeOf(name)]));

describe('the sources', () => {
  it('leave the environment, the console and the end of the process to the command that starts them', () => {
    const wrong = [...sources].filter(([, text]) => /\bprocess\.(env|exit|std\w+)|\bconsole\.\w+\(/.test(text));
    expect(wrong.map(([name]) => name)).toEqual([]);
  });

  it('have a client that a page can load: types of its own, and nothing of Node or of any package', () => {
    const imports = [...sources.get('client.ts')!.matchAll(/^import (type )?.* from '(.*)';$/gm)];
    expect(imports.length).toBeGreaterThan(0);
    const loaded = imports.filter(([, isType]) => isType === undefined).map(([, , from]) => from);
    expect(loaded).toEqual(['./protocol/subprotocol.ts']);
    expect(sources.get('protocol/subprotocol.ts')).not.toContain('import');
  });

  it('have the AI SDK in one folder', () => {
    const users = [...sources].filter(([, text]) => /from '(ai|@ai-sdk\/.*)'/.test(text)).map(([name]) => name);
    expect(users.length).toBeGreaterThan(0);
    expect(users.filter((name) => !name.startsWith('models/'))).toEqual([]);
  });

  it('import each other in no circle', () => {
    const importsOf = (name: string): string[] =>
      [...(sources.get(name) ?? '').matchAll(/from '(\.[^']+)'/g)].map(([, to]) =>
        posix.join(posix.dirname(name), to!),
      );
    const circles: string[] = [];
    const seen = new Set<string>();
    const walk = (name: string, path: readonly string[]): void => {
      if (path.includes(name)) circles.push([...path.slice(path.indexOf(name)), name].join(' -> '));
      if (seen.has(name)) return;
      seen.add(name);
      for (const each of importsOf(name)) walk(each, [...path, name]);
    };
    for (const name of sources.keys()) walk(name, []);
    expect(seen.size).toBeGreaterThan(40);
    expect(circles).toEqual([]);
  });
});
