/** Servers of the MCP clients on this machine that a running Switchboard could take over: what is found, and what it changes to import some. */
import { createHmac, randomBytes } from 'node:crypto';

import type { ConfigurationDifference, Importable, ImportableServer } from '../../gateway/configuration-file.ts';
import { SwitchboardError } from '../../protocol/errors.ts';
import type { JsonObject } from '../../protocol/jsonrpc.ts';
import { omit } from '../../util/omit.ts';
import { readOwnConfig, withSecrets, withServers } from './own-config.ts';
import type { OwnConfig } from './own-config.ts';
import { placesOf, shortPath } from './places.ts';
import type { Machine } from './places.ts';
import { planServers } from './planned-servers.ts';
import type { PlannedServer } from './planned-servers.ts';
import type { Write } from './plan.ts';
import { describeStart, shown } from './report.ts';
import { survey } from './survey.ts';

export interface ImportsOptions {
  /** The configuration that servers would come into. */
  path: string;
  /** Whose clients. */
  machine: Machine;
  /** Where this Switchboard is reached: an entry that leads there is none to import. */
  url(): string;
}

/** What importing adds. */
export interface Imported {
  /** The configuration. */
  text: string;
  differences: ConfigurationDifference[];
  /** The file of variables, where secrets move into it. */
  variables: Write | undefined;
}

/** A file that is larger is for `switchboard adopt`: here others wait while it is parsed. */
const MAX_BYTES = 8 * 1024 * 1024;
/** For how long secrets of what was found are kept. */
const KEPT_MS = 15 * 60_000;

interface Found {
  entry: JsonObject;
  variables: ReadonlyMap<string, string>;
}

export class Imports {
  readonly #options: ImportsOptions;
  /** Ids hold for one content of an entry, and tell nothing of it. */
  readonly #secret = randomBytes(16);
  #found: ReadonlyMap<string, Found> = new Map();
  #forgetting: NodeJS.Timeout | undefined;

  constructor(options: ImportsOptions) {
    this.#options = options;
  }

  /** @throws {SwitchboardError} `SWB_CONFIG_INVALID` for a configuration that cannot be read */
  async look(): Promise<Importable> {
    const { path, machine, url } = this.#options;
    const { environment, home } = machine;
    const short = (file: string): string => shown(shortPath(file, home));
    const { files, left } = await survey(placesOf(machine), undefined, undefined, MAX_BYTES);
    const config = readOwnConfig(path, environment);
    const others = files.filter(({ file }) => file.path !== config.file?.path);
    const former = { addresses: [], busyPorts: new Set<string>() };
    const plan = planServers(others, config, { url: url(), environment, moveSecrets: true, former });
    const found = new Map<string, Found>();
    const servers = plan.servers.map((server): ImportableServer => {
      const variables = new Map(server.secrets.map((name) => [name, plan.variables.get(name)!]));
      const id = this.#idOf(server, variables);
      if (!server.isKnown) found.set(id, { entry: server.entry, variables });
      return { ...(!server.isKnown && { id }), ...describe(server, plan.servers, config, short) };
    });
    this.#keep(found);
    const moved = others.flatMap(({ client, path: file, servers: all }) =>
      all
        .filter((server) => plan.moved.has(server))
        .map(({ entry: { name, line } }) => ({ client, path: file, name, line, why: 'it leads to a Switchboard' })),
    );
    return {
      files: others.map(({ client, path: file, servers: all }) => ({
        client: client.name,
        file: short(file),
        servers: all.length,
      })),
      servers,
      left: [...left, ...plan.left, ...moved].map(({ client, path: file, line, name, why }) => ({
        client: client.name,
        file: short(file),
        ...(line !== undefined && { line }),
        ...(name !== undefined && { name: shown(name) }),
        why: shown(why),
      })),
      variablesFile: short(config.env.path),
    };
  }

  /**
   * @param text of the configuration, with whatever else is changed in it.
   * @param imports ids by the names that the servers get.
   * @throws {SwitchboardError} `SWB_NOT_FOUND` for what was not found, or is forgotten; `SWB_INVALID_PARAMS` for a name that is taken
   */
  add(text: string, imports: Readonly<Record<string, string>>): Imported {
    const { path, machine } = this.#options;
    const config = readOwnConfig(path, machine.environment);
    const variables = new Map<string, string>();
    const servers = Object.entries(imports).map(([name, id]) => {
      const found = this.#found.get(id);
      if (found === undefined) {
        const detail = `${JSON.stringify(name)} was not found in the files of MCP clients lately; look at them again`;
        throw new SwitchboardError('SWB_NOT_FOUND', { detail });
      }
      if (config.names.has(name)) {
        const detail = `the configuration has a server ${JSON.stringify(name)} already; give another name`;
        throw new SwitchboardError('SWB_INVALID_PARAMS', { detail });
      }
      for (const [variable, value] of found.variables) {
        this.#check(config, variable, value);
        variables.set(variable, value);
      }
      return { name, value: found.entry };
    });
    const { env } = config;
    const own = withSecrets(config, variables);
    const added = [...variables.keys()].filter((name) => !Object.hasOwn(env.variables, name));
    const envFile = shown(shortPath(env.path, machine.home));
    return {
      text: withServers({ ...config, file: { ...config.file!, text } }, servers, variables.size > 0),
      differences: [
        ...servers.map(({ name, value }) => ({ what: `server ${name}`, before: '', after: describeEntry(value) })),
        ...(variables.size > 0 && !env.isNamed ? [{ what: 'envFile', before: '', after: envFile }] : []),
        ...added.map((name) => ({ what: `variable ${name} in ${envFile}`, before: '', after: 'its value, not shown' })),
      ],
      variables:
        variables.size === 0
          ? undefined
          : {
              kind: 'variables',
              path: env.file?.path ?? env.path,
              before: env.file,
              text: own,
              mode: 0o600,
              gone: [],
              come: [],
            },
    };
  }

  /** @throws {SwitchboardError} `SWB_INVALID_PARAMS` where a variable has got another value since. */
  #check({ env }: OwnConfig, name: string, value: string): void {
    const known = this.#options.machine.environment[name] ?? env.variables[name];
    if (known === undefined || known === value) return;
    const detail = `the variable ${name} has another value now; look at the files of MCP clients again`;
    throw new SwitchboardError('SWB_INVALID_PARAMS', { detail });
  }

  #keep(found: ReadonlyMap<string, Found>): void {
    this.#found = found;
    clearTimeout(this.#forgetting);
    this.#forgetting = setTimeout(() => (this.#found = new Map()), KEPT_MS).unref();
  }

  #idOf({ entry }: PlannedServer, variables: ReadonlyMap<string, string>): string {
    const content = JSON.stringify([entry, ...variables]);
    return createHmac('sha256', this.#secret).update(content).digest('base64url').slice(0, 22);
  }
}

function describe(
  server: PlannedServer,
  all: readonly PlannedServer[],
  config: OwnConfig,
  short: (file: string) => string,
): Omit<ImportableServer, 'id'> {
  const { name, entry, suggestion, isKnown, origins, secrets } = server;
  const wanted = origins[0]!.server.entry.name;
  const isTaken = config.names.has(wanted) || all.some((other) => other !== server && other.name === wanted);
  const why = isTaken
    ? `another server is called ${shown(wanted)}`
    : `${shown(wanted)} cannot be the name of a server here`;
  return {
    name,
    ...(!isKnown && name !== wanted && { renamed: why }),
    from: origins.map(({ file, server: { entry: found } }) => ({
      client: file.client.name,
      file: short(file.path),
      line: found.line,
    })),
    start: isKnown ? '' : describeStart(entry),
    isolation: suggestion.isolation,
    because: suggestion.because,
    secrets,
    ignored: [...new Set(origins.flatMap(({ ignored }) => ignored))].map(shown),
  };
}

/** An entry in words, for everybody who sees the history of the file: what is started, and all else that is no argument, nor a value of a variable or a header. */
const describeEntry = (entry: JsonObject): string =>
  [
    describeStart(omit(entry, 'args')),
    ...Object.entries(omit(entry, 'command', 'args', 'url', 'env', 'headers', 'cwd')).map(
      ([name, value]) => `${name} ${shown(typeof value === 'string' ? value : JSON.stringify(value))}`,
    ),
  ].join('; ');
