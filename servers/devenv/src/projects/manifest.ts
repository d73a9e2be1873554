import { readFile, stat } from 'node:fs/promises';
import { posix } from 'node:path';
import picomatch from 'picomatch';
import type { Root } from '../root.ts';

export const KINDS = ['npm', 'dotnet', 'python', 'go', 'cargo'] as const;
export type Kind = (typeof KINDS)[number];

const MAX_MANIFEST_BYTES = 1_000_000;

/** A project as its manifest tells it, before it has met the others. */
export interface Found {
  kind: Kind;
  name: string;
  version?: string;
  /** The manifest and its folder, relative to the root, with slashes; the root itself is `.`. */
  manifest: string;
  directory: string;
  /** The manifests of the projects it needs, as far as they are in this repository. */
  needs: string[];
  /** What can be run in it, by name: a program and its arguments. */
  tasks: Readonly<Record<string, readonly string[]>>;
}

/** Something that holds projects together: a workspace, a solution. */
export interface Solution {
  name: string;
  form: 'npm workspaces' | 'pnpm workspace' | '.NET solution' | 'Go workspace' | 'Cargo workspace' | 'uv workspace';
  manifest: string;
  /** The manifests of its projects. */
  members: string[];
}

export interface Scan {
  projects: Found[];
  solutions: Solution[];
  problems: Problem[];
}

export interface Problem {
  manifest: string;
  message: string;
}

/** Manifests as text, by their path. */
export type Manifests = ReadonlyMap<string, string>;

/**
 * Reads manifests; what cannot be read is a problem and not an error.
 *
 * @param paths relative to the root.
 */
export async function readManifests(
  root: Root,
  paths: readonly string[],
): Promise<{ manifests: Manifests; problems: Problem[] }> {
  const manifests = new Map<string, string>();
  const problems: Problem[] = [];
  for (const path of paths) {
    try {
      const real = await root.existing(path);
      const { size } = await stat(real);
      if (size > MAX_MANIFEST_BYTES) throw new Error(`It has ${size} bytes, and ${MAX_MANIFEST_BYTES} is the most.`);
      // Editors of Windows put a mark before the first sign.
      manifests.set(path, (await readFile(real, 'utf8')).replace(/^\uFEFF/, ''));
    } catch (error) {
      problems.push(problem(path, error));
    }
  }
  return { manifests, problems };
}

/** Goes through some of the manifests; what `read` throws is a problem of that manifest. */
export function eachManifest(
  manifests: Manifests,
  chosen: RegExp,
  scan: Scan,
  read: (path: string, text: string) => void,
): void {
  for (const [path, text] of manifests) {
    if (!chosen.test(path)) continue;
    try {
      read(path, text);
    } catch (error) {
      scan.problems.push(problem(path, error));
    }
  }
}

/** A path that a manifest names, relative to the root; backslashes count as slashes, as in .NET. */
export function beside(manifest: string, path: string): string {
  return posix.normalize(posix.join(posix.dirname(manifest), path.replaceAll('\\', '/'))).replace(/(.)\/$/, '$1');
}

/**
 * Says which folders a list of globs holds, read in its order: one with `!` takes out what those before it had, and one after it
 * may take that in again.
 *
 * @param manifest the file that has the list; the globs are relative to its folder
 */
export function folderMatcher(manifest: string, patterns: readonly string[]): (folder: string) => boolean {
  const rules = patterns.map((pattern) => {
    const isNegated = pattern.startsWith('!');
    return { isNegated, matches: picomatch(beside(manifest, isNegated ? pattern.slice(1) : pattern)) };
  });
  return (folder) => rules.reduce((held, { isNegated, matches }) => (matches(folder) ? !isNegated : held), false);
}

/** The names of a record, or nothing where a manifest has something else. */
export function record(value: unknown): Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Record<string, unknown>) : {};
}

/** The texts of an array, or nothing. */
export function texts(value: unknown): string[] {
  return Array.isArray(value) ? value.filter((item): item is string => typeof item === 'string') : [];
}

export function text(value: unknown): string | undefined {
  return typeof value === 'string' && value !== '' ? value : undefined;
}

function problem(manifest: string, error: unknown): Problem {
  return { manifest, message: (error instanceof Error ? error.message : String(error)).slice(0, 500) };
}
