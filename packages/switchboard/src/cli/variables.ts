/**
 * `${env:NAME}`, `${NAME}` and `${NAME:-otherwise}` in the strings of an upstream, as the files of other MCP programs have them.
 * `${caller.…}` in its `env` and `headers` is left alone: it is what each caller brings. `$${X}` stands for the text `${X}`.
 */
import type { Problem } from '../gateway/options.ts';
import { isObject } from '../protocol/jsonrpc.ts';

/** The variable that has the answer to an input of VS Code: `INPUT_GITHUB_TOKEN` for `github-token`. */
export const inputVariable = (id: string): string => `INPUT_${id.replace(/\W/g, '_').toUpperCase()}`;

/** @param others what begins like this is left alone, as somebody else fills it in. */
export function expandVariables(
  input: unknown,
  environment: Readonly<Record<string, string | undefined>>,
  others?: string,
): { value: unknown; problems: Problem[] } {
  const problems: Problem[] = [];
  /** `${constructor}` is no variable. */
  const own = (name: string): string | undefined => (Object.hasOwn(environment, name) ? environment[name] : undefined);

  const expand = (text: string, path: (string | number)[]): string =>
    text.replace(/\$?\$\{([^}]*)\}/g, (whole, inside: string) => {
      if (whole.startsWith('$$')) return literal(whole.slice(1), inside, path);
      const [, name, , otherwise] = /^(?:env:)?([A-Za-z_][A-Za-z0-9_]*)(:-(.*))?$/.exec(inside) ?? [];
      if (others !== undefined && inside.startsWith(others)) return whole;
      if (inside.startsWith('caller.')) {
        if (path[0] === 'env' || path[0] === 'headers') return whole;
        // Others see the arguments of a process and the paths of a URL.
        problems.push({ path, message: `${whole} may stand in env and headers only` });
      } else if (inside.startsWith('input:')) {
        const value = own(inside);
        if (value !== undefined) return value;
        const variable = inputVariable(inside.slice('input:'.length));
        problems.push({ path, message: `${whole} asks a person, and nobody is there to be asked: set ${variable}` });
      } else if (name === undefined) {
        problems.push({ path, message: `${whole} is not known; use \${env:NAME}` });
      } else if (own(name) !== undefined) {
        return own(name)!;
      } else if (otherwise !== undefined) {
        return otherwise;
      } else {
        problems.push({ path, message: `the environment variable ${name} is not set` });
      }
      return whole;
    });

  const literal = (text: string, inside: string, path: (string | number)[]): string => {
    if (inside.startsWith('caller.') && (path[0] === 'env' || path[0] === 'headers')) {
      problems.push({
        path,
        message: `$${text} cannot be written here: ${text} in env and headers is what a caller brings`,
      });
    }
    return text;
  };

  const walk = (value: unknown, path: (string | number)[]): unknown => {
    if (typeof value === 'string') return expand(value, path);
    if (Array.isArray(value)) return value.map((each, index) => walk(each, [...path, index]));
    if (!isObject(value)) return value;
    return Object.fromEntries(Object.entries(value).map(([key, each]) => [key, walk(each, [...path, key])]));
  };

  return { value: walk(input, []), problems };
}
