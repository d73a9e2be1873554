/** `server.json`, as the registry of MCP has it for each server: which package or address it is, and what it needs. */
import { SwitchboardError } from '../../protocol/errors.ts';
import { isObject } from '../../protocol/jsonrpc.ts';
import type { JsonObject } from '../../protocol/jsonrpc.ts';
import { Inputs, literal } from './inputs.ts';
import type { Input } from './inputs.ts';

/** A bundle to be fetched, which says the rest. */
export interface BundleReference {
  url: string;
  sha256: string;
}

/** Ways in which a server can be had, by what `--via` calls them. */
export const WAYS = ['npm', 'pypi', 'oci', 'nuget', 'mcpb', 'remote'] as const;

const NPM = /^(?:@[a-z0-9~][\w.~-]*\/)?[a-z0-9~][\w.~-]*$/i;
const PYPI = /^[a-z0-9](?:[\w.-]*[a-z0-9])?$/i;
const NUGET = PYPI;
const OCI = /^[a-z0-9][\w.-]*(?::\d+)?(?:\/[a-z0-9][\w.-]*)*(?::[\w][\w.-]*)?(?:@sha256:[0-9a-f]{64})?$/i;
const VERSION = /^[\w][\w.+-]*$/;
/** The registry that the program of a way asks, when nothing else is set. */
const BASES: Readonly<Record<string, RegExp>> = {
  npm: /^https:\/\/registry\.npmjs\.org\/?$/,
  pypi: /^https:\/\/pypi\.org\/?$/,
  oci: /^https:\/\/(?:docker\.io|ghcr\.io|[\w.-]+)\/?$/,
  nuget: /^https:\/\/api\.nuget\.org(?:\/v3\/index\.json)?\/?$/,
};
const RUNTIMES: Readonly<Record<string, string>> = { npm: 'npx', pypi: 'uvx', oci: 'docker', nuget: 'dnx' };

const invalid = (detail: string): SwitchboardError => new SwitchboardError('SWB_CONFIG_INVALID', { detail });

/** A member in either spelling: older files have underscores. */
const member = (object: JsonObject, name: string): unknown =>
  object[name] ?? object[name.replaceAll(/[A-Z0-9]+/g, (part) => `_${part.toLowerCase()}`)];
const textOf = (object: JsonObject, name: string): string | undefined => {
  const value = member(object, name);
  return typeof value === 'string' ? value : undefined;
};
const objectsOf = (object: JsonObject, name: string): JsonObject[] => {
  const value = member(object, name);
  return Array.isArray(value) ? value.filter(isObject) : [];
};

/** Whether a file is one of these. */
export const isServerJson = (value: JsonObject): boolean =>
  typeof value['name'] === 'string' && (Array.isArray(value['packages']) || Array.isArray(value['remotes']));

/**
 * The entry of an upstream, or where the bundle is that says the rest.
 *
 * @param via one of {@link WAYS}; without it the first that Switchboard can use.
 * @throws {SwitchboardError} `SWB_CONFIG_INVALID` when there is no such way, or when one has what could be an argument of its own
 */
export function fromServerJson(
  value: JsonObject,
  via: string | undefined,
  inputs: Inputs,
): { entry: JsonObject } | { bundle: BundleReference } {
  const ways = [
    ...objectsOf(value, 'packages').map((each) => ({ way: textOf(each, 'registryType') ?? '', each })),
    ...objectsOf(value, 'remotes').map((each) => ({ way: 'remote', each })),
  ];
  const usable = ways.filter(({ way, each }) => (WAYS as readonly string[]).includes(way) && isUsable(way, each));
  const [chosen] = via === undefined ? usable : usable.filter(({ way }) => way === via);
  if (chosen === undefined) {
    const there = ways.map(({ way, each }) => `${way} (${transportOf(each)})`).join(', ') || 'none';
    throw invalid(
      `it can be had in no way that Switchboard can use${via === undefined ? '' : `, or not by ${via}`}: ${there}`,
    );
  }
  const { way, each } = chosen;
  if (way === 'remote') return { entry: fromRemote(each, inputs) };
  if (way !== 'mcpb') return { entry: fromPackage(way, each, inputs) };
  const [url, sha256] = [textOf(each, 'identifier'), textOf(each, 'fileSha256')];
  if (url === undefined || sha256 === undefined || !/^[0-9a-f]{64}$/.test(sha256)) {
    throw invalid('its bundle has no address, or no SHA-256 to check it by');
  }
  return { bundle: { url, sha256 } };
}

const transportOf = (each: JsonObject): string =>
  (isObject(each['transport']) ? textOf(each['transport'], 'type') : undefined) ??
  textOf(each, 'type') ??
  textOf(each, 'transportType') ??
  'stdio';

const isUsable = (way: string, each: JsonObject): boolean =>
  transportOf(each) === (way === 'remote' ? 'streamable-http' : 'stdio');

function fromRemote(remote: JsonObject, inputs: Inputs): JsonObject {
  const url = filled(textOf(remote, 'url') ?? '', remote['variables'], inputs);
  const headers = objectsOf(remote, 'headers').flatMap((each): [string, string][] => {
    const name = textOf(each, 'name') ?? '';
    if (!/^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/.test(name)) throw invalid(`${JSON.stringify(name)} is no name of a header`);
    const text = resolved(each, name, inputs);
    return text === undefined ? [] : [[name, text]];
  });
  return { url, ...(headers.length > 0 && { headers: Object.fromEntries(headers) }) };
}

function fromPackage(way: string, each: JsonObject, inputs: Inputs): JsonObject {
  const runtime = RUNTIMES[way]!;
  const hint = textOf(each, 'runtimeHint');
  if (hint !== undefined && hint !== runtime)
    throw invalid(`it wants to be started by ${JSON.stringify(hint)}, not by ${runtime}`);
  const base = textOf(each, 'registryBaseUrl');
  if (base !== undefined && BASES[way]?.test(base) !== true) {
    throw invalid(`its package is in the registry ${JSON.stringify(base)}, which ${runtime} would not ask`);
  }
  const identifier = checked(
    textOf(each, 'identifier'),
    { npm: NPM, pypi: PYPI, oci: OCI, nuget: NUGET }[way]!,
    'package',
  );
  const named = textOf(each, 'version');
  const version = named === undefined ? undefined : checked(named, VERSION, 'version');
  const at = version === undefined ? '' : `@${version}`;
  const environment = objectsOf(each, 'environmentVariables').flatMap((variable): [string, string][] => {
    const name = checked(textOf(variable, 'name'), /^[A-Za-z_]\w*$/, 'name of a variable');
    const text = resolved(variable, name, inputs);
    return text === undefined ? [] : [[name, text]];
  });
  const before = argumentsOf(each, 'runtimeArguments', inputs);
  const after = argumentsOf(each, 'packageArguments', inputs);
  const tag = version === undefined || /[:@][^/]*$/.test(identifier) ? '' : `:${version}`;
  const args = {
    npm: ['-y', ...before, `${identifier}${at}`, ...after],
    pypi: [...before, `${identifier}${at}`, ...after],
    // What a container is given, it is given by name.
    oci: [
      'run',
      '-i',
      '--rm',
      ...before,
      ...environment.flatMap(([name]) => ['-e', name]),
      `${identifier}${tag}`,
      ...after,
    ],
    nuget: [...before, `${identifier}${at}`, '--yes', ...(after.length > 0 ? ['--', ...after] : [])],
  }[way]!;
  return { command: runtime, args, ...(environment.length > 0 && { env: Object.fromEntries(environment) }) };
}

/** A text that goes into a command: it must not be read as a flag, or as more than one word. */
function checked(text: string | undefined, pattern: RegExp, what: string): string {
  if (text !== undefined && pattern.test(text)) return text;
  throw invalid(`${JSON.stringify(text ?? '')} is no ${what}`);
}

function argumentsOf(each: JsonObject, name: string, inputs: Inputs): string[] {
  return objectsOf(each, name).flatMap((argument) => {
    const isNamed = argument['type'] === 'named';
    const flag = textOf(argument, 'name') ?? '';
    const text = resolved(
      argument,
      isNamed ? flag.replace(/^-+/, '') : (textOf(argument, 'valueHint') ?? 'argument'),
      inputs,
    );
    if (text === undefined) return [];
    return isNamed ? [literal(flag), text] : [text];
  });
}

/** The value that is fixed, with its variables, or that is asked for. */
function resolved(each: JsonObject, name: string, inputs: Inputs): string | undefined {
  const value = textOf(each, 'value');
  return value === undefined ? inputs.valueOf(inputOf(name, each)) : filled(value, each['variables'], inputs);
}

const filled = (text: string, variables: unknown, inputs: Inputs): string =>
  text
    .split(/(\{[\w.-]+\})/)
    .map((part) => {
      const name = /^\{([\w.-]+)\}$/.exec(part)?.[1];
      if (name === undefined || !isObject(variables) || !Object.hasOwn(variables, name)) return literal(part);
      const variable = variables[name];
      return (isObject(variable) ? inputs.valueOf(inputOf(name, variable)) : undefined) ?? '';
    })
    .join('');

function inputOf(name: string, each: JsonObject): Input {
  const choices = each['choices'];
  return {
    name,
    isRequired: member(each, 'isRequired') === true,
    isSecret: member(each, 'isSecret') === true,
    fallback: textOf(each, 'default'),
    choices: Array.isArray(choices) ? choices.filter((choice) => typeof choice === 'string') : undefined,
    description: textOf(each, 'description'),
  };
}
