/** A task of the Windows Task Scheduler, at the login of a person or at the start of the machine. */
import { dirname, join } from 'node:path';

import { MARK } from './spec.ts';
import type { ServiceCommand, ServicePlatform, ServiceSpec } from './spec.ts';

const TASK = 'Switchboard';
/** LocalService: it may do less than a person. */
const LOCAL_SERVICE = 'S-1-5-19';

const fileOf = ({ config }: ServiceSpec): string => join(dirname(config), 'switchboard-task.xml');

const escaped = (text: string): string =>
  text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;');

/** One word of a command line, as programs of Windows take it apart. */
const word = (text: string): string =>
  /^[^\s"]+$/.test(text) ? text : `"${text.replaceAll(/(\\*)"/g, '$1$1\\"').replace(/\\+$/, '$&$&')}"`;

/** Elements in the order that the schema has. */
function xml(spec: ServiceSpec): string {
  const { program, config, version, isSystem, user } = spec;
  // A console program of a person would have a window.
  const words = [...(isSystem ? [] : ['conhost.exe', '--headless']), ...program, 'serve', '--config', config];
  const [command, ...args] = words as [string, ...string[]];
  const who = escaped(isSystem ? LOCAL_SERVICE : user);
  const trigger = isSystem
    ? '<BootTrigger>\n      <Enabled>true</Enabled>\n    </BootTrigger>'
    : `<LogonTrigger>\n      <Enabled>true</Enabled>\n      <UserId>${who}</UserId>\n    </LogonTrigger>`;
  return `<?xml version="1.0" encoding="UTF-16"?>
<!-- ${MARK} (${version}). -->
<Task version="1.2" xmlns="http://schemas.microsoft.com/windows/2004/02/mit/task">
  <RegistrationInfo>
    <Description>Switchboard, an MCP gateway</Description>
  </RegistrationInfo>
  <Triggers>
    ${trigger}
  </Triggers>
  <Principals>
    <Principal id="Author">
      <UserId>${who}</UserId>${isSystem ? '' : '\n      <LogonType>InteractiveToken</LogonType>'}
      <RunLevel>LeastPrivilege</RunLevel>
    </Principal>
  </Principals>
  <Settings>
    <MultipleInstancesPolicy>IgnoreNew</MultipleInstancesPolicy>
    <DisallowStartIfOnBatteries>false</DisallowStartIfOnBatteries>
    <StopIfGoingOnBatteries>false</StopIfGoingOnBatteries>
    <StartWhenAvailable>true</StartWhenAvailable>
    <ExecutionTimeLimit>PT0S</ExecutionTimeLimit>
    <Priority>5</Priority>
    <RestartOnFailure>
      <Interval>PT1M</Interval>
      <Count>999</Count>
    </RestartOnFailure>
  </Settings>
  <Actions Context="Author">
    <Exec>
      <Command>${escaped(command)}</Command>
      <Arguments>${escaped(args.map(word).join(' '))}</Arguments>
      <WorkingDirectory>${escaped(dirname(config))}</WorkingDirectory>
    </Exec>
  </Actions>
</Task>
`;
}

const schtasks = (...words: string[]): ServiceCommand => ({ words: ['schtasks', ...words] });

/** There are no signals: Switchboard is asked to drain, and then ended. */
const end = ({ program, stopSeconds }: ServiceSpec): ServiceCommand[] => [
  { words: [...program, 'drain', '--timeout', `${stopSeconds}s`], mayFail: true },
  { ...schtasks('/End', '/TN', TASK), mayFail: true },
];

export const taskScheduler: ServicePlatform = {
  name: 'Task Scheduler',
  files: (spec) => [
    { path: fileOf(spec), content: Buffer.from(`\uFEFF${xml(spec).replaceAll('\n', '\r\n')}`, 'utf16le'), mode: 0o600 },
  ],
  start: (spec, { size }) => [
    ...(size > 0 ? end(spec) : []),
    schtasks('/Create', '/TN', TASK, '/XML', fileOf(spec), '/F'),
    schtasks('/Run', '/TN', TASK),
  ],
  stop: (spec) => [...end(spec), { ...schtasks('/Delete', '/TN', TASK, '/F'), mayFail: true }],
  status: () => schtasks('/Query', '/TN', TASK, '/V', '/FO', 'LIST'),
  // A task has no file for what it prints: Switchboard keeps the newest lines itself.
  logs: ({ program }, lines, follow) => ({
    words: [...program, 'logs', '--lines', String(lines), ...(follow ? ['--follow'] : [])],
  }),
  note: ({ isSystem }) => (isSystem ? 'It starts with the machine.' : 'It starts when you log in.'),
};
