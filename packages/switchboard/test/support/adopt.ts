/** Homes of people with files of MCP clients, made for one test, and `adopt` run in them. */
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, relative } from 'node:path';
import { onTestFinished } from 'vitest';

import { adopt } from '../../src/cli/adopt/adopt.ts';
import type { AdoptFlags, Situation } from '../../src/cli/adopt/adopt.ts';

export const URL_OF_ALL = 'http://127.0.0.1:8765/mcp';
export const BRIDGES = {
  here: ['/opt/node', '/opt/switchboard.js'],
  anywhere: ['npx', '-y', 'mcp-switchboard'],
} as const satisfies Situation['bridges'];

export interface Home {
  path: string;
  /** The project that adopt runs in. */
  project: string;
  /** Writes a file, by its path in the home. */
  write(path: string, text: string | object, mode?: number): string;
  read(path: string): string;
  /** Every file with its bytes and rights. */
  all(): Record<string, string>;
  /** Where and for whom a command runs, with what it says. */
  situation(more?: Partial<Situation> & { answers?: boolean[] }): { situation: Situation; said: string[] };
  /** Runs `adopt`. @returns what it said */
  adopt(flags?: AdoptFlags, more?: Partial<Situation> & { answers?: boolean[] }): Promise<string>;
  /** The configuration that was written. */
  config(): { envFile?: string; upstreams: Record<string, Record<string, unknown>> };
  /** The path of the configuration in the home. */
  configPath: string;
}

const CONFIGS: Readonly<Partial<Record<NodeJS.Platform, string>>> = {
  linux: '.config/switchboard/switchboard.json',
  darwin: 'Library/Application Support/switchboard/switchboard.json',
  win32: 'AppData/Roaming/switchboard/switchboard.json',
};

export function makeHome(platform: NodeJS.Platform = 'linux', environment: Record<string, string> = {}): Home {
  const path = mkdtempSync(join(tmpdir(), 'switchboard-home-'));
  onTestFinished(() => rmSync(path, { recursive: true, force: true }));
  const project = join(path, 'project');
  mkdirSync(project);
  const windows = { APPDATA: join(path, 'AppData/Roaming'), LOCALAPPDATA: join(path, 'AppData/Local') };
  const configPath = CONFIGS[platform]!;
  const home: Home = {
    path,
    project,
    configPath,
    write(name, text, mode = 0o644) {
      const whole = join(path, name);
      mkdirSync(dirname(whole), { recursive: true });
      writeFileSync(whole, typeof text === 'string' ? text : `${JSON.stringify(text, undefined, 2)}\n`, { mode });
      return whole;
    },
    read: (name) => readFileSync(join(path, name), 'utf8'),
    all: () =>
      Object.fromEntries(
        readdirSync(path, { recursive: true, withFileTypes: true }).flatMap((entry) => {
          const whole = join(entry.parentPath, entry.name);
          if (!entry.isFile()) return [];
          const { mode } = statSync(whole);
          return [[relative(path, whole), `${(mode & 0o777).toString(8)} ${readFileSync(whole, 'latin1')}`]];
        }),
      ),
    situation({ answers, ...more } = {}) {
      const said: string[] = [];
      const situation: Situation = {
        home: path,
        platform,
        environment: { HOME: path, ...(platform === 'win32' && windows), ...environment },
        folder: project,
        bridges: BRIDGES,
        now: new Date('2026-03-04T05:06:07Z'),
        say: (text) => void said.push(text),
        ask: async (question) => (said.push(question), answers?.shift()),
        ...more,
      };
      return { situation, said };
    },
    async adopt(flags = { yes: true }, more = {}) {
      const { situation, said } = home.situation(more);
      await adopt(flags, situation);
      return said.join('\n');
    },
    config: () => JSON.parse(home.read(configPath)) as ReturnType<Home['config']>,
  };
  return home;
}

/** The files of a home that adopt has changed, made or taken away. */
export const changedSince = (home: Home, before: Readonly<Record<string, string>>): string[] => {
  const after = home.all();
  const names = new Set([...Object.keys(before), ...Object.keys(after)]);
  return [...names].filter((name) => before[name] !== after[name]).toSorted();
};

export const isThere = (home: Home, name: string): boolean => existsSync(join(home.path, name));

export const cursor = '.cursor/mcp.json';
export const one = { command: 'one', args: ['-x'] };
export const servers = (entries: object): object => ({ mcpServers: entries });

/** The lines that adopt says of a heading. */
export function under(heading: string, said: string): string[] {
  const [, block = ''] = said.split(`${heading}:\n`);
  return block.split('\n\n', 1)[0]!.split('\n');
}

export async function failure(run: Promise<unknown>): Promise<{ code?: string; message: string }> {
  return run.then(
    () => ({ message: 'nothing was thrown' }),
    (error: unknown) => error as { code: string; message: string },
  );
}
