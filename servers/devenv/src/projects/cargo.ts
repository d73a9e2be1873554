import { posix } from 'node:path';
import picomatch from 'picomatch';
import { parse } from 'smol-toml';
import { beside, eachManifest, type Manifests, record, type Scan, text, texts } from './manifest.ts';

const TASKS = {
  build: ['cargo', 'build'],
  check: ['cargo', 'check'],
  test: ['cargo', 'test'],
};

/**
 * Cargo crates. One needs another by its folder, in the manifest itself or through the workspace. Dependencies of tests are
 * left out: Cargo lets them go in a circle, and they do not decide what is built first.
 */
export function scanCargo(manifests: Manifests, scan: Scan): void {
  const crates = new Map<string, Record<string, unknown>>();
  eachManifest(manifests, /(^|\/)Cargo\.toml$/, scan, (manifest, toml) => crates.set(manifest, record(parse(toml))));

  for (const [manifest, content] of crates) {
    if (!('workspace' in content)) continue;
    const workspace = record(content['workspace']);
    const patterns = texts(workspace['members']).map((pattern) => beside(manifest, pattern));
    const ignore = texts(workspace['exclude']).map((pattern) => beside(manifest, pattern));
    const matches = patterns.length > 0 ? picomatch(patterns, { ignore }) : () => false;
    const members = [...crates.keys()].filter(
      (one) => 'package' in (crates.get(one) ?? {}) && (one === manifest || matches(posix.dirname(one))),
    );
    scan.solutions.push({ name: posix.dirname(manifest), form: 'Cargo workspace', manifest, members });
  }

  for (const [manifest, content] of crates) {
    const name = text(record(content['package'])['name']);
    if (name === undefined) continue;
    const workspace = scan.solutions.find(
      ({ form, members }) => form === 'Cargo workspace' && members.includes(manifest),
    );
    const shared = record(record(crates.get(workspace?.manifest ?? '')?.['workspace'])['dependencies']);
    const tables = [content, ...Object.values(record(content['target'])).map(record)];
    const dependencies = tables.flatMap((table) =>
      ['dependencies', 'build-dependencies'].flatMap((kind) => Object.entries(record(table[kind]))),
    );
    const needs = new Set<string>();
    for (const [key, value] of dependencies) {
      const inherited = record(value)['workspace'] === true;
      const path = text(record(inherited ? shared[key] : value)['path']);
      if (path === undefined) continue;
      const named = posix.join(beside(inherited ? (workspace?.manifest ?? manifest) : manifest, path), 'Cargo.toml');
      if (crates.has(named)) needs.add(named);
      else scan.problems.push({ manifest, message: `It needs ${key} at ${path}, where there is no Cargo.toml.` });
    }
    const version = text(record(content['package'])['version']);
    scan.projects.push({
      kind: 'cargo',
      name,
      ...(version !== undefined && { version }),
      manifest,
      directory: posix.dirname(manifest),
      needs: [...needs],
      tasks: TASKS,
    });
  }
}
