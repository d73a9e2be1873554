/** `.mcpb` bundles: a server in a zip file, with a manifest that says how it is started. */
import { createHash } from 'node:crypto';
import { chmodSync, existsSync, mkdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join, sep } from 'node:path';
import { unzipSync } from 'fflate';

import { SwitchboardError } from '../../protocol/errors.ts';
import { isObject } from '../../protocol/jsonrpc.ts';
import type { JsonObject } from '../../protocol/jsonrpc.ts';
import type { Places } from '../adopt/places.ts';
import { literal } from './inputs.ts';
import type { Inputs } from './inputs.ts';

export interface Bundle {
  name: string;
  manifest: JsonObject;
  files: ReadonlyMap<string, Uint8Array>;
  /** Where it is unpacked to. The same content has the same place. */
  folder: string;
}

const MAX_FILES = 20_000;
/** Unpacked, altogether. */
const MAX_BYTES = 512 * 1024 * 1024;

const invalid = (detail: string): SwitchboardError =>
  new SwitchboardError('SWB_CONFIG_INVALID', { detail: `the bundle ${detail}` });

/**
 * Reads a bundle. Nothing is written.
 *
 * @throws {SwitchboardError} `SWB_CONFIG_INVALID` for what is no bundle, is too large, or has a file that would lie elsewhere
 */
export function readBundle(bytes: Uint8Array, { data }: Places): Bundle {
  let [count, size] = [0, 0];
  let unpacked: Record<string, Uint8Array>;
  try {
    unpacked = unzipSync(bytes, {
      filter: ({ name, originalSize }) => {
        count += 1;
        size += originalSize;
        if (count > MAX_FILES) throw invalid(`has more than ${MAX_FILES} files`);
        if (size > MAX_BYTES) throw invalid(`unpacks to more than ${MAX_BYTES / 1024 / 1024} MiB`);
        if (!isBelow(name)) throw invalid(`has a file that would lie elsewhere: ${JSON.stringify(name.slice(0, 100))}`);
        return !name.endsWith('/');
      },
    });
  } catch (cause) {
    if (cause instanceof SwitchboardError) throw cause;
    throw invalid('cannot be unpacked');
  }
  const files = new Map(Object.entries(unpacked));
  const manifest = manifestOf(files.get('manifest.json'));
  const name = manifest['name'];
  if (typeof name !== 'string' || !isObject(manifest['server'])) throw invalid('has a manifest without name or server');
  const plain = name.replaceAll(/[^A-Za-z0-9._-]+/g, '-').replace(/^[^A-Za-z0-9]+/, '') || 'server';
  const digest = createHash('sha256').update(bytes).digest('hex').slice(0, 12);
  return { name: plain, manifest, files, folder: join(data, 'bundles', `${plain.slice(0, 40)}-${digest}`) };
}

/** Whether the path of a file stays below the folder, on every platform. */
function isBelow(name: string): boolean {
  const parts = name.replace(/\/$/, '').split('/');
  return !/[\\:\0]/.test(name) && parts.every((part) => part !== '' && part !== '.' && part !== '..');
}

function manifestOf(bytes: Uint8Array | undefined): JsonObject {
  if (bytes === undefined) throw invalid('has no manifest.json');
  try {
    const value: unknown = JSON.parse(new TextDecoder().decode(bytes));
    if (isObject(value)) return value;
  } catch {
    // Told below.
  }
  throw invalid('has a manifest.json that is no JSON object');
}

/** The entry of an upstream, as it is started from its folder. @throws {SwitchboardError} `SWB_CONFIG_INVALID` */
export function fromBundle({ manifest, folder }: Bundle, places: Places, inputs: Inputs): JsonObject {
  const server = manifest['server'] as JsonObject;
  const { compatibility } = manifest;
  const platforms = isObject(compatibility) ? compatibility['platforms'] : undefined;
  if (Array.isArray(platforms) && !platforms.includes(places.platform)) {
    throw invalid(`is for ${platforms.join(', ')} only`);
  }
  const own = isObject(server['mcp_config']) ? server['mcp_config'] : startOf(server);
  const overrides = isObject(own['platform_overrides']) ? own['platform_overrides'][places.platform] : undefined;
  const { command, args = [], env = {} } = { ...own, ...(isObject(overrides) && overrides) };
  if (typeof command !== 'string' || !Array.isArray(args) || !isObject(env))
    throw invalid('does not say how it is started');
  const fill = (text: unknown): string =>
    typeof text === 'string' ? filled(text, manifest, folder, places, inputs) : '';
  const values = Object.entries(env)
    .map(([name, text]): [string, string] => [name, fill(text)])
    .filter(([, text]) => text !== '');
  return {
    command: fill(command),
    args: args.map(fill).filter((text) => text !== ''),
    ...(values.length > 0 && { env: Object.fromEntries(values) }),
  };
}

/** How a server is started whose manifest only says what kind it is. */
function startOf({ type, entry_point }: JsonObject): JsonObject {
  if (typeof entry_point !== 'string') return {};
  const entry = `\${__dirname}/${entry_point}`;
  if (type === 'node') return { command: 'node', args: [entry] };
  if (type === 'python') return { command: 'python3', args: [entry] };
  if (type === 'uv') return { command: 'uv', args: ['run', '--directory', '${__dirname}', entry_point] };
  return { command: entry };
}

function filled(text: string, manifest: JsonObject, folder: string, { home }: Places, inputs: Inputs): string {
  const known: Readonly<Record<string, string>> = {
    __dirname: folder,
    HOME: home,
    DESKTOP: join(home, 'Desktop'),
    DOCUMENTS: join(home, 'Documents'),
    DOWNLOADS: join(home, 'Downloads'),
    '/': sep,
    pathSeparator: sep,
  };
  const config = isObject(manifest['user_config']) ? manifest['user_config'] : {};
  return text
    .split(/(\$\{[^}]*\})/)
    .map((part) => {
      const inside = /^\$\{([^}]*)\}$/.exec(part)?.[1];
      if (inside !== undefined && Object.hasOwn(known, inside)) return known[inside]!;
      const name = inside?.startsWith('user_config.') === true ? inside.slice('user_config.'.length) : undefined;
      const option = name !== undefined && Object.hasOwn(config, name) ? config[name] : undefined;
      if (name === undefined || !isObject(option)) return literal(part);
      const { default: fallback } = option;
      const isPlain = typeof fallback === 'string' || typeof fallback === 'number' || typeof fallback === 'boolean';
      return (
        inputs.valueOf({
          name,
          isRequired: option['required'] === true,
          isSecret: option['sensitive'] === true,
          fallback: isPlain ? String(fallback).replace(/^\$\{HOME\}/, home) : undefined,
          description: typeof option['description'] === 'string' ? option['description'] : undefined,
        }) ?? ''
      );
    })
    .join('');
}

/**
 * Unpacks a bundle, all of it or nothing. What is there already has the same content.
 *
 * @throws {SwitchboardError} `SWB_FILE_NOT_WRITTEN`
 */
export function unpack({ files, folder, manifest }: Bundle, command: string): void {
  if (existsSync(folder)) return;
  const next = `${folder}.tmp`;
  try {
    rmSync(next, { recursive: true, force: true });
    for (const [name, bytes] of files) {
      const path = join(next, name);
      mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
      writeFileSync(path, bytes, { mode: 0o600 });
    }
    const server = manifest['server'] as JsonObject;
    const program = command.startsWith(folder) ? join(next, command.slice(folder.length)) : undefined;
    if (server['type'] === 'binary' && program !== undefined && existsSync(program)) chmodSync(program, 0o700);
    renameSync(next, folder);
  } catch (cause) {
    rmSync(next, { recursive: true, force: true });
    const { code = 'unwritable' } = cause as NodeJS.ErrnoException;
    throw new SwitchboardError('SWB_FILE_NOT_WRITTEN', { detail: `${folder} (${code})`, cause });
  }
}
