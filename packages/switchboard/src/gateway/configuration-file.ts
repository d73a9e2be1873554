/** The configuration file as operators change it, by its syntax. Whoever reads it for the gateway gives one; without it nothing can be changed. */
import type { JsonObject } from '../protocol/jsonrpc.ts';
import type { RoleRules } from '../router/roles.ts';
import type { Isolation } from '../upstreams/member-key.ts';
import type { Change } from './change.ts';
import { OPTIONS } from './options.ts';
import type { OptionName } from './option.ts';

/** What is to be another in the file. */
export interface ConfigurationEdit {
  /** Values of options, as one writes them; null takes an option out, so that its default holds. */
  options?: Readonly<Record<string, string | number | boolean | null>> | undefined;
  /** Servers that are in it. */
  servers?: Readonly<Record<string, 'enable' | 'disable' | 'remove'>> | undefined;
  /** Roles by their names; null takes one out. */
  roles?: Readonly<Record<string, RoleRules | null>> | undefined;
  /** Servers of MCP clients that come into it, by the names that they get: ids of {@link ConfigurationFile.importable}. */
  imports?: Readonly<Record<string, string>> | undefined;
}

/** A server of MCP clients on this machine, as the configuration could have it. No value of a variable or a header is in it. */
export interface ImportableServer {
  /** For {@link ConfigurationEdit.imports}; absent where the configuration has the server already. */
  id?: string;
  /** What it would be called, or is. */
  name: string;
  /** Why it would not be called as in the client. */
  renamed?: string;
  /** Where it was found. */
  from: { client: string; file: string; line: number }[];
  /** What is started or reached, with the names of variables and headers. */
  start: string;
  isolation: Isolation;
  /** Why that isolation. */
  because: string;
  /** The variables that its secrets move into. */
  secrets: string[];
  /** Keys that have a meaning for the client alone. */
  ignored: string[];
}

/** What the MCP clients of the user that Switchboard runs as have on this machine. */
export interface Importable {
  /** Their files that were found. */
  files: { client: string; file: string; servers: number }[];
  servers: ImportableServer[];
  /** What stays where it is, and why: entries, and whole files, which have no name. */
  left: { client: string; file: string; line?: number; name?: string; why: string }[];
  /** The file that secrets move into. */
  variablesFile: string;
}

/** One thing that an edit changes, in words. */
export interface ConfigurationDifference {
  what: string;
  /** Empty where there was nothing. */
  before: string;
  /** Empty where there is nothing any more. */
  after: string;
}

/** What an edit would do. */
export interface ConfigurationPreview {
  differences: ConfigurationDifference[];
  /** What it changes of what runs. */
  change: Change;
  /** The file as it was read, to be given back with the edit. */
  version: string;
}

/** A change that an operator has made since the start. */
export interface ConfigurationRevision {
  id: string;
  /** In ms since 1970. */
  time: number;
  /** Who. */
  operator: string;
  differences: ConfigurationDifference[];
  /** Whether it was taken back. */
  undone: boolean;
}

/** What stands in the file now, whoever wrote it, and what was changed from here. */
export interface ConfigurationFileFacts {
  version: string;
  /** The last 20, the newest first. */
  revisions: ConfigurationRevision[];
  roles: JsonObject;
  /** Of the options that operators may change, as they stand in the file. */
  values: Record<string, string>;
  /** Settings that are others in it than those that hold. */
  restartNeeded: string[];
  /** Why it could not be read again as it is; what needs the file understood is empty then. @default it could */
  wrong?: string;
}

/** What a gateway needs of the file that it was configured by, to let operators change it. */
export interface ConfigurationFile {
  /** Where it is. */
  readonly path: string;
  /** Names of its servers that are switched off, as it was last read. */
  disabled(): readonly string[];
  /** The file as it is now. @throws {SwitchboardError} `SWB_FILE_NOT_WRITTEN` where it cannot be read */
  facts(): ConfigurationFileFacts;
  /** Writes nothing. @throws {SwitchboardError} `SWB_CONFIG_INVALID` with every problem, `SWB_INVALID_PARAMS` */
  preview(edit: ConfigurationEdit): ConfigurationPreview;
  /**
   * Writes the file, keeping everything else in it as it is, and has it read again.
   *
   * @param version as {@link preview} has given it; the file as it is now where it does not matter.
   * @throws {SwitchboardError} as {@link preview}; `SWB_FILE_NOT_WRITTEN` where the file is another meanwhile, or cannot be written.
   */
  apply(edit: ConfigurationEdit, operator: string, version?: string): Change;
  /**
   * Looks into the files of MCP clients, and writes nothing. What it finds can be imported until it looks again, or for 15 minutes. Absent
   * where there is nothing to look into.
   */
  importable?(): Promise<Importable>;
  /** Takes back the newest change that was made from here. @throws {SwitchboardError} `SWB_NOT_FOUND`, and as {@link apply} */
  undo(operator: string): Change;
}

/**
 * Options that no operator changes from elsewhere: who is let in, what is written down of it, which files are read or written, and where
 * Switchboard listens, are for whoever runs it to say.
 */
const LOCKED: ReadonlySet<string> = new Set<OptionName>([
  'adminPort',
  'allowedHosts',
  'allowedOrigins',
  'allowPrivateUpstreams',
  'auditContents',
  'auditLog',
  'behindProxy',
  'console',
  'host',
  'inheritEnv',
  'insecure',
  'keysFile',
  'nodeName',
  'port',
  'store',
  'transport',
  'trustedProxies',
]);
const LOCKED_FAMILY = /^(?:tls|peer|cluster)/;

/** Whether operators may change an option from elsewhere. */
export const isEditable = (name: string): name is OptionName =>
  Object.hasOwn(OPTIONS, name) &&
  OPTIONS[name as OptionName].secret !== true &&
  name !== 'token' &&
  !LOCKED.has(name) &&
  !LOCKED_FAMILY.test(name);
