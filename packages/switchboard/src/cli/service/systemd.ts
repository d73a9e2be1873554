/** A unit of systemd, for a person or for the machine. `deploy/switchboard.service` says the same, which a test compares. */
import { dirname, join } from 'node:path';

import { MARK } from './spec.ts';
import type { ServiceCommand, ServicePlatform, ServiceSpec } from './spec.ts';

const UNIT = 'switchboard.service';
const SOCKET = 'switchboard.socket';

/** Exit codes after which another start would end the same way: the command line, or the configuration, is not valid. */
const HOPELESS = '2 3';

const folderOf = ({ isSystem, home }: ServiceSpec): string =>
  isSystem ? '/etc/systemd/system' : join(home, '.config', 'systemd', 'user');

/** One word of a command line: systemd reads quotes and backslashes, and fills in `%` and `$`. */
const word = (text: string): string => {
  const plain = text.replaceAll('%', '%%').replaceAll('$', '$$$$');
  return /^[\w./:@=,+%-]+$/.test(plain) ? plain : `"${plain.replaceAll(/["\\]/g, '\\$&')}"`;
};
/** A path in a list of paths, where `$` stands for itself. */
const place = (text: string): string => word(text).replaceAll('$$', () => '$');

const systemctl = ({ isSystem }: ServiceSpec, ...words: string[]): ServiceCommand => ({
  words: ['systemctl', ...(isSystem ? [] : ['--user']), ...words],
});

function unit(spec: ServiceSpec): string {
  const { program, config, version, isSystem, socket, stopSeconds } = spec;
  const command = [...program, 'serve', '--config', config].map(word).join(' ');
  return `# ${MARK} (${version}).
[Unit]
Description=Switchboard, an MCP gateway
Documentation=https://github.com/mcp-switchboard/switchboard
${isSystem ? 'After=network-online.target\nWants=network-online.target\n' : ''}${socket === undefined ? '' : `Requires=${SOCKET}\nAfter=${SOCKET}\n`}
[Service]
Type=exec
ExecStart=${command}
# Reads the configuration again; sessions of servers that did not change go on.
ExecReload=/bin/kill -HUP $MAINPID
# SIGTERM drains: running calls finish. Only Switchboard gets it, and it ends its servers after their calls.
KillMode=mixed
KillSignal=SIGTERM
TimeoutStopSec=${stopSeconds}
Restart=on-failure
RestartSec=2
RestartPreventExitStatus=${HOPELESS}
# Secrets as NAME=value, of mode 0600; the file may be missing.
EnvironmentFile=-${place(join(dirname(config), 'environment'))}
LimitNOFILE=65536
${isSystem ? OF_MACHINE : ofPerson(spec)}
${COMMON}
[Install]
${socket === undefined ? '' : `Also=${SOCKET}\n`}WantedBy=${isSystem ? 'multi-user.target' : 'default.target'}
`;
}

const OF_MACHINE = `
# A user that exists only while it runs, with a home of its own.
DynamicUser=yes
StateDirectory=switchboard
StateDirectoryMode=0700
WorkingDirectory=/var/lib/switchboard
Environment=HOME=/var/lib/switchboard
RuntimeDirectory=switchboard
Environment=XDG_RUNTIME_DIR=/run/switchboard
PrivateTmp=yes
PrivateDevices=yes
ProtectSystem=strict
ProtectHome=yes
ProtectClock=yes
ProtectControlGroups=yes
ProtectHostname=yes
ProtectKernelLogs=yes
ProtectKernelModules=yes
ProtectKernelTunables=yes
RestrictNamespaces=yes
CapabilityBoundingSet=`;

function ofPerson({ config, home, path, writable, isSandboxed }: ServiceSpec): string {
  const lines = [
    `WorkingDirectory=${dirname(config).replaceAll('%', '%%')}`,
    `Environment=${word(`PATH=${path}`).replaceAll('$$', () => '$')}`,
  ];
  if (!isSandboxed) return lines.join('\n');
  // What Switchboard and npx write themselves.
  const own = ['.npm', '.cache', '.local/state', '.local/share', '.switchboard'].map((name) => `-${join(home, name)}`);
  const paths = writable === undefined ? [home] : [...writable, ...own, `-${dirname(config)}`];
  return [
    ...lines,
    '# The whole file system is read-only but for these folders.',
    'PrivateUsers=yes',
    'PrivateTmp=yes',
    'ProtectSystem=strict',
    `ReadWritePaths=${paths.map(place).join(' ')} %t`,
  ].join('\n');
}

const COMMON = `UMask=0077
NoNewPrivileges=yes
LockPersonality=yes
RestrictAddressFamilies=AF_INET AF_INET6 AF_UNIX AF_NETLINK
RestrictRealtime=yes
RestrictSUIDSGID=yes
SystemCallArchitectures=native
`;

const socketUnit = ({ host, port }: { host: string; port: number }): string => `# ${MARK}.
[Unit]
Description=The port of Switchboard, which stays open while it restarts

[Socket]
ListenStream=${host.includes(':') ? `[${host}]` : host}:${port}
NoDelay=yes

[Install]
WantedBy=sockets.target
`;

export const systemd: ServicePlatform = {
  name: 'systemd',
  files: (spec) => [
    { path: join(folderOf(spec), UNIT), content: unit(spec), mode: 0o644 },
    ...(spec.socket === undefined
      ? []
      : [{ path: join(folderOf(spec), SOCKET), content: socketUnit(spec.socket), mode: 0o644 }]),
  ],
  start(spec, changed) {
    const isOtherSocket = changed.has(join(folderOf(spec), SOCKET));
    const { socket } = spec;
    return [
      systemctl(spec, 'daemon-reload'),
      systemctl(spec, 'enable', ...(socket === undefined ? [] : [SOCKET]), UNIT),
      // A socket is not opened again while its service runs. Otherwise it stays open, and clients wait while the service restarts.
      ...(isOtherSocket ? [{ ...systemctl(spec, 'stop', UNIT), mayFail: true as const }] : []),
      ...(socket === undefined ? [] : [systemctl(spec, isOtherSocket ? 'restart' : 'start', SOCKET)]),
      systemctl(spec, changed.size > 0 ? 'restart' : 'start', UNIT),
    ];
  },
  stop: (spec) => [
    { ...systemctl(spec, 'disable', '--now', SOCKET, UNIT), mayFail: true },
    { ...systemctl(spec, 'disable', '--now', UNIT), mayFail: true },
  ],
  forget: (spec) => [systemctl(spec, 'daemon-reload'), { ...systemctl(spec, 'reset-failed', UNIT), mayFail: true }],
  status: (spec) => systemctl(spec, 'status', '--no-pager', UNIT),
  logs: ({ isSystem }, lines, follow) => ({
    words: [
      'journalctl',
      ...(isSystem ? [] : ['--user']),
      '--no-pager',
      '--output=cat',
      `--unit=${UNIT}`,
      `--lines=${lines}`,
      ...(follow ? ['--follow'] : []),
    ] as [string, ...string[]],
  }),
  note: ({ isSystem }) =>
    isSystem
      ? 'It starts with the machine.'
      : 'It starts when you log in, and ends with your last session. To keep it: loginctl enable-linger',
};
