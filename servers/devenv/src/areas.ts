import picomatch from 'picomatch';
import type { Settings } from './configuration.ts';
import { ownerFinder, type Projects } from './projects/projects.ts';

/**
 * Tells which area a path is in: the first configured one that matches; else the project it belongs to, if that is not the
 * whole repository; else its first folder; else `(root)`.
 */
export function areas(configured: Settings['areas'], projects: Projects): (path: string) => string {
  const matchers = Object.entries(configured).map(([name, globs]) => ({
    name,
    matches: picomatch(globs, { dot: true }),
  }));
  const ownerOf = ownerFinder(projects);
  return (path) => {
    const area = matchers.find(({ matches }) => matches(path));
    if (area) return area.name;
    const owner = ownerOf(path);
    if (owner && owner.directory !== '.') return owner.id;
    const [folder, ...rest] = path.split('/');
    return rest.length > 0 && folder !== undefined ? folder : '(root)';
  };
}
