/** Where programs keep their files, on each platform. Nothing here looks at the machine: home, platform and environment are given. */
import { join } from 'node:path';

export interface Machine {
  home: string;
  platform: NodeJS.Platform;
  environment: Readonly<Record<string, string | undefined>>;
}

export interface Places extends Machine {
  /** `~/.config`, or where `XDG_CONFIG_HOME` says. */
  config: string;
  /** Where applications with windows have their settings: `Application Support`, `%APPDATA%`, or `config`. */
  applications: string;
  /** Where Switchboard notes what it did. */
  state: string;
  /** Where it keeps what it unpacked. */
  data: string;
}

export function placesOf(machine: Machine): Places {
  const { home, platform, environment } = machine;
  const config = environment['XDG_CONFIG_HOME'] || join(home, '.config');
  if (platform === 'darwin') {
    const applications = join(home, 'Library', 'Application Support');
    const own = join(applications, 'switchboard');
    return { ...machine, config, applications, state: join(own, 'state'), data: own };
  }
  if (platform === 'win32') {
    const applications = environment['APPDATA'] || join(home, 'AppData', 'Roaming');
    const local = environment['LOCALAPPDATA'] || join(home, 'AppData', 'Local');
    const own = join(local, 'switchboard');
    return { ...machine, config, applications, state: join(own, 'state'), data: own };
  }
  const state = environment['XDG_STATE_HOME'] || join(home, '.local', 'state');
  const data = environment['XDG_DATA_HOME'] || join(home, '.local', 'share');
  return {
    ...machine,
    config,
    applications: config,
    state: join(state, 'switchboard'),
    data: join(data, 'switchboard'),
  };
}

/** The folder of Switchboard's own configuration of this user. */
export const ownFolder = ({ platform, config, applications }: Places): string =>
  join(platform === 'win32' || platform === 'darwin' ? applications : config, 'switchboard');

/** A path for people: with `~` for the home folder. */
export const shortPath = (path: string, home: string): string =>
  path === home || path.startsWith(join(home, '/')) ? `~${path.slice(home.length)}` : path;
