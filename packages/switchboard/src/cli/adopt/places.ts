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
}

export function placesOf(machine: Machine): Places {
  const { home, platform, environment } = machine;
  const config = environment['XDG_CONFIG_HOME'] || join(home, '.config');
  if (platform === 'darwin') {
    const applications = join(home, 'Library', 'Application Support');
    return { ...machine, config, applications, state: join(applications, 'switchboard', 'state') };
  }
  if (platform === 'win32') {
    const applications = environment['APPDATA'] || join(home, 'AppData', 'Roaming');
    const local = environment['LOCALAPPDATA'] || join(home, 'AppData', 'Local');
    return { ...machine, config, applications, state: join(local, 'switchboard', 'state') };
  }
  const state = environment['XDG_STATE_HOME'] || join(home, '.local', 'state');
  return { ...machine, config, applications: config, state: join(state, 'switchboard') };
}

/** The folder of Switchboard's own configuration of this user. */
export const ownFolder = ({ platform, config, applications }: Places): string =>
  join(platform === 'win32' || platform === 'darwin' ? applications : config, 'switchboard');

/** A path for people: with `~` for the home folder. */
export const shortPath = (path: string, home: string): string =>
  path === home || path.startsWith(join(home, '/')) ? `~${path.slice(home.length)}` : path;
