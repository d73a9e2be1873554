import { posix } from 'node:path';
import picomatch from 'picomatch';
import { parseXml, XmlElement } from '@rgrove/parse-xml';
import { beside, eachManifest, type Manifests, type Scan } from './manifest.ts';

const SOLUTION_FOLDER = '2150E333-8FDC-42A3-9474-1A3956D46DE8';
const PROJECT_LINE = /^Project\("\{([^}]+)\}"\)\s*=\s*"([^"]*)",\s*"([^"]*)"/gm;
const PROJECT_FILE = /\.(cs|fs|vb)proj$/i;

/** .NET projects by their `ProjectReference`s, and solutions, `.sln` and `.slnx`. */
export function scanDotnet(manifests: Manifests, scan: Scan): void {
  const missing = (manifest: string, path: string): boolean => {
    if (manifests.has(path)) return false;
    scan.problems.push({ manifest, message: `It names the project ${path}, which is not there.` });
    return true;
  };

  eachManifest(manifests, PROJECT_FILE, scan, (manifest, xml) => {
    const named = elements(parseXml(xml).root, 'ProjectReference')
      .flatMap(({ attributes }) => (attributes['Include'] ?? '').split(';').map((path) => path.trim()))
      // What MSBuild puts together when it builds cannot be known here.
      .filter((path) => path !== '' && !/[$@%]\(/.test(path));
    const needs = named
      .flatMap((path) => projectsAt(beside(manifest, path), manifest, manifests))
      .filter((path) => !missing(manifest, path));
    const file = posix.basename(manifest);
    scan.projects.push({
      kind: 'dotnet',
      name: file.replace(PROJECT_FILE, ''),
      manifest,
      directory: posix.dirname(manifest),
      needs: [...new Set(needs)],
      tasks: { build: ['dotnet', 'build', file], test: ['dotnet', 'test', file] },
    });
  });

  eachManifest(manifests, /\.slnx?$/i, scan, (manifest, content) => {
    const named = /x$/i.test(manifest)
      ? elements(parseXml(content).root, 'Project').map(({ attributes }) => attributes['Path'] ?? '')
      : [...content.matchAll(PROJECT_LINE)]
          .filter(([, type = '']) => type.toUpperCase() !== SOLUTION_FOLDER)
          .map(([, , , path = '']) => path);
    // A solution may hold projects of kinds that are not read here.
    const members = named.map((path) => beside(manifest, path)).filter((path) => PROJECT_FILE.test(path));
    scan.solutions.push({
      name: posix.basename(manifest).replace(/\.slnx?$/i, ''),
      form: '.NET solution',
      manifest,
      members: members.filter((path) => !missing(manifest, path)),
    });
  });
}

/** The project files that a reference means; with `*` in it, all that are there but the one that has it. */
function projectsAt(path: string, manifest: string, manifests: Manifests): string[] {
  if (!path.includes('*')) return [path];
  const matches = picomatch(path);
  return [...manifests.keys()].filter((one) => one !== manifest && PROJECT_FILE.test(one) && matches(one));
}

function elements(from: XmlElement | null, name: string): XmlElement[] {
  if (from === null) return [];
  const below = from.children.flatMap((child) => (child instanceof XmlElement ? elements(child, name) : []));
  return from.name === name ? [from, ...below] : below;
}
