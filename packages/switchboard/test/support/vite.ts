/** A project as others have it: the packed package, installed, and a page that Vite builds. */
import { spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, realpathSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'vite';
import type { Rolldown } from 'vite';

import { root } from './gateway.ts';

const page: string = fileURLToPath(new URL('../fixtures/page', import.meta.url));

export interface Built {
  /** Where what a web server would serve is. */
  folder: string;
  /** The code, minified. */
  code: string;
  /** Every module that was looked at, also those of which nothing was needed. */
  modules: string[];
}

export interface Project {
  build(): Promise<Built>;
  remove(): void;
}

/** @param main the page's program; without it that of `fixtures/page`. */
export function createProject(main?: string): Project {
  const folder = realpathSync(mkdtempSync(join(tmpdir(), 'switchboard-page-')));
  cpSync(page, folder, { recursive: true });
  if (main !== undefined) writeFileSync(join(folder, 'main.js'), main);
  install(folder);
  const out = join(folder, 'dist');
  return {
    async build() {
      let modules: string[] = [];
      const { output } = (await build({
        root: folder,
        configFile: false,
        logLevel: 'error',
        build: { outDir: out, modulePreload: false },
        plugins: [
          {
            name: 'modules',
            buildEnd() {
              modules = [...this.getModuleIds()];
            },
          },
        ],
      })) as Rolldown.RolldownOutput;
      const code = output.flatMap((each) => (each.type === 'chunk' ? [each.code] : [])).join('\n');
      return { folder: out, code, modules };
    },
    remove: () => rmSync(folder, { recursive: true, force: true }),
  };
}

/** What `npm install` makes of the packed package, with the packages that it depends on taken from here. */
function install(folder: string): void {
  const modules = join(folder, 'node_modules');
  mkdirSync(modules);
  const pack = ['pack', '--ignore-scripts', '--silent', '--pack-destination', folder];
  const packed = spawnSync('npm', pack, { cwd: join(root, 'packages/switchboard'), encoding: 'utf8' });
  const archive = packed.stdout.trim().split('\n').at(-1)!;
  const unpacked = spawnSync('tar', ['-xzf', archive], { cwd: folder, encoding: 'utf8' });
  if (unpacked.status !== 0) throw new Error(`${packed.stderr}${unpacked.stderr}`);
  symlinkSync(join(folder, 'package'), join(modules, 'mcp-switchboard'), 'junction');
  for (const name of ['@modelcontextprotocol', 'zod']) {
    symlinkSync(join(root, 'node_modules', name), join(folder, 'node_modules', name), 'junction');
  }
}
