/** `switchboard service` on each platform, in a fake home, with a manager that notes what it is told. */
import { chmodSync, existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';

import { PRODUCT } from '../../../src/gateway/product.ts';
import { install, logs, status, uninstall } from '../../../src/cli/service/service.ts';
import type { ServiceFlags, ServiceSituation } from '../../../src/cli/service/service.ts';
import { failure, makeHome } from '../../support/adopt.ts';
import type { Home } from '../../support/adopt.ts';
import { root } from '../../support/gateway.ts';

const PLATFORMS = ['linux', 'darwin', 'win32'] as const;
type Platform = (typeof PLATFORMS)[number];

const FILES: Readonly<Record<Platform, string>> = {
  linux: '.config/systemd/user/switchboard.service',
  darwin: 'Library/LaunchAgents/io.github.mcp-switchboard.plist',
  win32: 'AppData/Roaming/switchboard/switchboard-task.xml',
};

const TASK = 'schtasks /Create /TN Switchboard /XML ~/AppData/Roaming/switchboard/switchboard-task.xml /F';
const PLIST = 'gui/501 ~/Library/LaunchAgents/io.github.mcp-switchboard.plist';
const AGENT = 'gui/501/io.github.mcp-switchboard';

/** What each manager is told, with `~` for the home. */
const COMMANDS: Readonly<Record<Platform, Record<'installed' | 'again' | 'removed' | 'shown', string[]>>> = {
  linux: {
    installed: [
      'systemctl --user daemon-reload',
      'systemctl --user enable switchboard.service',
      'systemctl --user restart switchboard.service',
    ],
    again: [
      'systemctl --user daemon-reload',
      'systemctl --user enable switchboard.service',
      'systemctl --user start switchboard.service',
    ],
    removed: [
      'systemctl --user disable --now switchboard.socket switchboard.service',
      'systemctl --user disable --now switchboard.service',
      'systemctl --user daemon-reload',
      'systemctl --user reset-failed switchboard.service',
    ],
    shown: [
      'systemctl --user status --no-pager switchboard.service',
      'journalctl --user --no-pager --output=cat --unit=switchboard.service --lines=7 --follow',
    ],
  },
  darwin: {
    installed: [
      `launchctl bootout ${AGENT}`,
      `launchctl enable ${AGENT}`,
      `launchctl bootstrap ${PLIST}`,
      `launchctl kickstart ${AGENT}`,
    ],
    again: [`launchctl enable ${AGENT}`, `launchctl bootstrap ${PLIST}`, `launchctl kickstart ${AGENT}`],
    removed: [`launchctl bootout ${AGENT}`],
    shown: [`launchctl print ${AGENT}`, 'tail -n 7 -F ~/Library/Logs/switchboard.log'],
  },
  win32: {
    installed: [
      '/opt/my node/node /opt/switchboard.js drain --timeout 75s',
      'schtasks /End /TN Switchboard',
      TASK,
      'schtasks /Run /TN Switchboard',
    ],
    again: [TASK, 'schtasks /Run /TN Switchboard'],
    removed: [
      '/opt/my node/node /opt/switchboard.js drain --timeout 60s',
      'schtasks /End /TN Switchboard',
      'schtasks /Delete /TN Switchboard /F',
    ],
    shown: [
      'schtasks /Query /TN Switchboard /V /FO LIST',
      '/opt/my node/node /opt/switchboard.js logs --lines 7 --follow',
    ],
  },
};

/** A person whose manager takes every command, but for those that a test lets fail. */
function person(platform: Platform, more: Partial<ServiceSituation> = {}) {
  const home = makeHome(platform);
  home.write(home.configPath, { drainTimeout: '45s', upstreams: { one: { command: 'one' } } });
  const ran: string[] = [];
  const said: string[] = [];
  const { environment } = home.situation().situation;
  const situation: ServiceSituation = {
    home: home.path,
    platform,
    environment: { ...environment, PATH: '/usr/bin:/bin', GITHUB_TOKEN: 'ghp_0123456789' },
    folder: home.project,
    program: ['/opt/my node/node', '/opt/switchboard.js'],
    version: PRODUCT.version,
    user: platform === 'win32' ? 'WORK\\ann' : '501',
    isAdministrator: false,
    isSandboxed: true,
    say: (text) => void said.push(text),
    run: async (words) => (ran.push(words.join(' ').replaceAll(home.path, '~')), { code: 0, output: '' }),
    show: async (words) => (ran.push(words.join(' ').replaceAll(home.path, '~')), 3),
    wait: async () => {},
    ...more,
  };
  return { home, ran, said, situation };
}

/** The text of the file of a service. */
function textOf(home: Home, platform: Platform): string {
  const bytes = readFileSync(join(home.path, FILES[platform]));
  return platform === 'win32' ? bytes.toString('utf16le') : bytes.toString('utf8');
}

/** What a service file says, by its keys: of systemd those that may be there several times have all values. */
const directives = (unit: string): string[] =>
  unit
    .split('\n')
    .filter((line) => /^\w+=/.test(line))
    .toSorted();

describe.each(PLATFORMS)('on %s', (platform) => {
  it('installs, does nothing when done again, applies what is new, and goes without a trace', async () => {
    const { home, ran, said, situation } = person(platform);
    const before = home.all();
    await install({ dryRun: true }, situation);
    expect([home.all(), ran]).toEqual([before, []]);
    expect(said.at(-1)).toContain('Nothing was changed.');
    await install({}, situation);
    const text = textOf(home, platform);
    expect(said.join('\n')).toContain(text.slice(1));
    for (const word of ['/opt/my node/node', '/opt/switchboard.js', 'serve', '--config']) expect(text).toContain(word);
    expect(text).toContain(join(home.path, home.configPath));
    // Nothing of the shell that it was installed from: a service file can be read by others.
    expect(text).not.toContain('ghp_');
    expect(ran).toEqual(COMMANDS[platform].installed);

    const [after, count] = [home.all(), ran.length];
    await install({}, situation);
    expect(home.all()).toEqual(after);
    expect(said.at(-1)).toContain('as it was');
    expect(ran.slice(count)).toEqual(COMMANDS[platform].again);

    await install({}, { ...situation, version: '99.0.0' });
    expect(textOf(home, platform)).toContain('(99.0.0)');

    const [left] = [ran.length];
    await uninstall({}, situation);
    expect(ran.slice(left)).toEqual(COMMANDS[platform].removed);
    expect(home.all()).toEqual(before);
    await uninstall({}, situation);
    expect(said.at(-1)).toBe('There is no service to remove.');
  });

  it('shows what the manager says, and its exit code', async () => {
    const { ran, said, situation } = person(platform);
    expect(await status({}, situation)).toBe(1);
    expect(said).toEqual(['There is no service: switchboard service install']);
    await install({}, situation);
    const count = ran.length;
    expect(await status({}, situation)).toBe(3);
    expect(await logs({ lines: '7', follow: true }, situation)).toBe(3);
    expect(ran.slice(count)).toEqual(COMMANDS[platform].shown);
  });
});

describe('a service of the machine', () => {
  it('of systemd says the same as the unit that deploy/ ships, but for how it is started', async () => {
    const { home, ran, said, situation } = person('linux', { user: '0' });
    home.write('etc/switchboard.json', { drainTimeout: '90s', upstreams: { one: { command: 'one' } } });
    const file = join(home.path, 'etc/switchboard.json');
    await install({ system: true, config: file, dryRun: true }, situation);
    const shipped = readFileSync(join(root, 'deploy/switchboard.service'), 'utf8').replaceAll(
      '/etc/switchboard',
      join(home.path, 'etc'),
    );
    const isStart = (line: string): boolean => line.startsWith('ExecStart=');
    const [own, other] = [said[0]!, shipped].map((text) => directives(text).filter((line) => !isStart(line)));
    expect(own).toEqual(other);
    expect(said[1]).toContain('systemctl enable switchboard.service');
    expect(ran).toEqual([]);
  });

  it.each<[string, Platform, ServiceFlags, Partial<ServiceSituation>, RegExp]>([
    ['without the rights', 'linux', { system: true }, {}, /--system: run this as an administrator/],
    [
      'of a program in a home',
      'linux',
      { system: true },
      { isAdministrator: true, program: ['/home/ann/node', '/home/ann/s.js'] },
      /a service of the machine cannot read \/home\/ann\/node/,
    ],
    ['that npx may remove', 'linux', {}, { program: undefined }, /npm install -g mcp-switchboard/],
    ['with a socket of launchd', 'darwin', { socket: true }, {}, /--socket: launchd opens no socket/],
    ['where there is no manager', 'linux', {}, { platform: 'freebsd' }, /and not for freebsd/],
  ])('is refused %s', async (_, platform, flags, more, why) => {
    const { home, ran, situation } = person(platform, more);
    const before = home.all();
    // That of the machine is not of this test.
    const config = flags.system === true ? { config: join(home.path, home.configPath) } : {};
    expect(await failure(install({ ...flags, ...config }, situation))).toMatchObject({
      code: 'SWB_USAGE',
      message: expect.stringMatching(why) as string,
    });
    expect([home.all(), ran]).toEqual([before, []]);
  });
});

describe('installing', () => {
  it('keeps the port open by a socket of systemd, and gives it back when the socket is no longer wanted', async () => {
    const { home, ran, situation } = person('linux');
    await install({ socket: true }, situation);
    const path = '.config/systemd/user/switchboard.socket';
    expect(directives(home.read(path))).toEqual([
      'Description=The port of Switchboard, which stays open while it restarts',
      'ListenStream=127.0.0.1:8765',
      'NoDelay=yes',
      'WantedBy=sockets.target',
    ]);
    expect(home.read(FILES.linux)).toContain('Requires=switchboard.socket\n');
    const count = ran.length;
    await install({ socket: true }, { ...situation, version: '99.0.0' });
    // Another version leaves the socket as it is: clients wait in it while the service restarts.
    expect(ran.slice(count)).toEqual([
      'systemctl --user daemon-reload',
      'systemctl --user enable switchboard.socket switchboard.service',
      'systemctl --user start switchboard.socket',
      'systemctl --user restart switchboard.service',
    ]);
    const next = ran.length;
    await install({}, situation);
    expect(ran[next]).toBe('systemctl --user disable --now switchboard.socket switchboard.service');
    expect(existsSync(join(home.path, path))).toBe(false);
  });

  it('lets it write only where --writable says, and asks for no namespaces where the machine has none', async () => {
    const { home, situation } = person('linux');
    await install({ writable: ['notes'] }, situation);
    const [line = ''] = directives(home.read(FILES.linux)).filter((each) => each.startsWith('ReadWritePaths='));
    expect(line).toContain(`${home.project}/notes `);
    expect(line.split(/[= ]/)).not.toContain(home.path);
    await install({}, { ...situation, isSandboxed: false });
    expect(home.read(FILES.linux)).not.toMatch(/^(?:PrivateUsers|ProtectSystem|ReadWritePaths)/m);
    expect(home.read(FILES.linux)).toContain('NoNewPrivileges=yes');
  });

  it('escapes what a path may have in it', async () => {
    const { home, situation } = person('linux');
    const odd = 'a "b" 100% $HOME <&>.json';
    home.write(`project/${odd}`, { upstreams: { one: { command: 'one' } } });
    await install({ config: odd }, situation);
    expect(home.read(FILES.linux)).toContain(`--config "${home.project}/a \\"b\\" 100%% $$HOME <&>.json"`);
    const mac = person('darwin');
    mac.home.write(`project/${odd}`, { upstreams: { one: { command: 'one' } } });
    await install({ config: odd }, mac.situation);
    expect(mac.home.read(FILES.darwin)).toContain(`/a "b" 100% $HOME &lt;&amp;&gt;.json</string>`);
  });

  it('refuses a configuration that needs a variable of the shell, and takes it from the file of variables', async () => {
    const { home, ran, situation } = person('linux');
    home.write(home.configPath, { upstreams: { one: { command: 'one', env: { A: '${env:GITHUB_TOKEN}' } } } });
    const error = await failure(install({}, situation));
    expect(error).toMatchObject({ code: 'SWB_CONFIG_INVALID' });
    expect(error.message).toMatch(/GITHUB_TOKEN[^]*\/switchboard\/environment \(mode 0600\)/);
    const file = home.write('.config/switchboard/environment', 'GITHUB_TOKEN=ghp_0123456789\n', 0o644);
    expect((await failure(install({}, situation))).message).toMatch(/others can read .*; run chmod 600/);
    expect(ran).toEqual([]);
    chmodSync(file, 0o600);
    await install({}, situation);
    expect(home.read(FILES.linux)).toContain(`EnvironmentFile=-${file}`);
    expect(home.read(FILES.linux)).not.toContain('ghp_');
  });

  it('leaves a file of the same name alone that it did not write', async () => {
    const { home, ran, situation } = person('linux');
    home.write(FILES.linux, '[Service]\nExecStart=/mine\n');
    const before = home.all();
    for (const command of [install, uninstall]) {
      expect(await failure(command({}, situation))).toMatchObject({ code: 'SWB_FILE_NOT_WRITTEN' });
    }
    expect([home.all(), ran]).toEqual([before, []]);
  });

  it('says what the manager said when it fails, tries again where it takes a moment, and says when there is none', async () => {
    const broken = person('linux', { run: async () => ({ code: 1, output: 'Unit is masked.\n' }) });
    expect(await failure(install({}, broken.situation))).toMatchObject({
      code: 'SWB_SERVICE_FAILED',
      message: expect.stringContaining('systemctl --user daemon-reload ended with 1: Unit is masked.') as string,
    });
    const none = person('linux', { run: async () => ({ code: undefined, output: '' }) });
    expect((await failure(install({}, none.situation))).message).toContain('there is no systemctl here, so no systemd');
    let left = 3;
    const waits: number[] = [];
    const slow = person('darwin', {
      run: async ([, word]) => ({ code: word === 'bootstrap' && left-- > 0 ? 5 : 0, output: '' }),
      wait: async (ms) => void waits.push(ms),
    });
    await install({}, slow.situation);
    expect(waits).toEqual([1000, 1000, 1000]);
  });
});
