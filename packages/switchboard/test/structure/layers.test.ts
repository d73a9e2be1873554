import { readFileSync, readdirSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';

import { LAYERS } from './layers.ts';

const src = fileURLToPath(new URL('../../src/', import.meta.url));

/** Where the two sides meet: the contracts that the router declares. */
const MEETING_POINT = 'router/exchange.ts';
/** Lowest of all: util knows nothing of MCP, protocol may use it. */
const ALLOWED = new Set(['protocol -> util']);

const files = readdirSync(src, { recursive: true, encoding: 'utf8' }).filter((name) => name.endsWith('.ts'));
const roomOf = (file: string): string => (file.includes('/') ? file.split('/')[0]! : 'index');
const layerOf = (room: string): number => LAYERS.findIndex((rooms) => rooms.includes(room));

/** A file without its comments: an example may do what a program does. */
const codeOf = (file: string): string => readFileSync(join(src, file), 'utf8').replaceAll(/^\s*\/\*\*[^]*?\*\//gm, '');

function importsOf(file: string): string[] {
  const text = readFileSync(join(src, file), 'utf8');
  return [...text.matchAll(/from '(\.[^']+)'|import\('(\.[^']+)'\)/g)].map(([, stat, dynamic]) =>
    relative(src, join(dirname(join(src, file)), stat ?? dynamic!)),
  );
}

export function breaches(file: string, imports: readonly string[]): string[] {
  const room = roomOf(file);
  if (room === 'index') return [];
  return imports
    .filter((target) => {
      const other = roomOf(target);
      if (other === room || target === MEETING_POINT || ALLOWED.has(`${room} -> ${other}`)) return false;
      return layerOf(other) === -1 || layerOf(other) >= layerOf(room);
    })
    .map((target) => `${file} imports ${target}`);
}

describe('the tree', () => {
  it('has no other rooms than the design names', () => {
    const rooms = new Set(files.map(roomOf).filter((room) => room !== 'index'));
    expect([...rooms].filter((room) => layerOf(room) === -1)).toEqual([]);
  });

  it('imports only downwards', () => {
    expect(files.flatMap((file) => breaches(file, importsOf(file)))).toEqual([]);
  });

  it('would notice an import that goes up or sideways', () => {
    expect(breaches('protocol/x.ts', ['router/router.ts'])).toHaveLength(1);
    expect(breaches('callers/x.ts', ['upstreams/pool.ts', 'router/router.ts'])).toHaveLength(2);
    expect(breaches('callers/x.ts', ['router/exchange.ts', 'protocol/eras.ts'])).toEqual([]);
  });

  it('reads the environment and files, and ends the process, only in cli', () => {
    const reaching = files.filter((file) => {
      // What a process uses is told by the kernel in the form of files.
      if (file === 'upstreams/process-tree.ts' || file === 'upstreams/stragglers.ts') return false;
      // A store of files is one of files.
      if (file === 'stores/sqlite-file.ts') return false;
      // What is written all the time is read back where it lies, for operators.
      if (file === 'observe/audit-reader.ts') return false;
      // Keys are made by another process, and they and certificates are changed where they lie, while everything runs.
      const changing = [
        'auth/keys-file.ts',
        'peers/cluster-key-file.ts',
        'transports/tls/pem.ts',
        'util/file-changes.ts',
        'util/whole-file.ts',
      ];
      if (changing.includes(file)) return false;
      const text = codeOf(file);
      return roomOf(file) !== 'cli' && /process\.(env|exit\b|argv|stdin|stdout)|from 'node:fs/.test(text);
    });
    expect(reaching).toEqual([]);
  });

  it('writes nothing with console, and has no class of a vague name', () => {
    const text = files.map(codeOf).join('\n');
    expect(text).not.toMatch(/\bconsole\.\w+\(/);
    expect(text).not.toMatch(/class \w*(Manager|Helper|Util|Impl)\b/);
  });
});
