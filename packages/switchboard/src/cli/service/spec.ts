/** What a service of this machine is made from, and what its manager is told: the same for systemd, launchd and the Task Scheduler. */

export interface ServiceSpec {
  /** The program and its first arguments, with whole paths. */
  program: readonly [string, ...string[]];
  /** The configuration file that it serves. */
  config: string;
  /** The version of Switchboard, which the file names: a newer one is a change. */
  version: string;
  /** Whether the machine starts it, and not a person who logs in. */
  isSystem: boolean;
  home: string;
  /** Who it is for, in the words of the platform: a number, or a name on Windows and for a daemon of launchd. */
  user: string;
  /** Where it finds programs such as `npx`. */
  path: string;
  /** Where it stops waiting for calls that run, in seconds. */
  stopSeconds: number;
  /** What the manager listens on for it; undefined where it listens itself. */
  socket?: { host: string; port: number } | undefined;
  /** Folders that it may write to; undefined for all of the home. */
  writable?: readonly string[] | undefined;
  /** Whether this machine lets a person's service have file systems of its own. */
  isSandboxed: boolean;
}

export interface ServiceFile {
  path: string;
  content: string | Buffer;
  mode: number;
}

/** A command for the manager. */
export interface ServiceCommand {
  words: readonly [string, ...string[]];
  /** Whether it is no failure when it fails, as what it ends may have ended. */
  mayFail?: true;
  /** How often it is tried, a second apart, as what it waits for takes a moment. @default 1 */
  tries?: number;
}

/** One manager of services. */
export interface ServicePlatform {
  name: string;
  /** The files of a service, the first of which is the one that people look at. */
  files(spec: ServiceSpec): readonly ServiceFile[];
  /**
   * What makes the files count and the service run, also where it runs already.
   *
   * @param changed the paths of files that are new or say something else now, so that what runs is out of date.
   */
  start(spec: ServiceSpec, changed: ReadonlySet<string>): readonly ServiceCommand[];
  /** What ends it, before its files go. */
  stop(spec: ServiceSpec): readonly ServiceCommand[];
  /** What lets the manager forget it, after its files have gone. */
  forget?(spec: ServiceSpec): readonly ServiceCommand[];
  status(spec: ServiceSpec): ServiceCommand;
  logs(spec: ServiceSpec, lines: number, follow: boolean): ServiceCommand;
  /** What to know of a service that was installed. */
  note(spec: ServiceSpec): string;
}

/** What every file of ours has in it. */
export const MARK = 'Written by "switchboard service install"';
