/** A property list of launchd: an agent of a person, or a daemon of the machine. */
import { dirname, join } from 'node:path';

import { MARK } from './spec.ts';
import type { ServiceCommand, ServicePlatform, ServiceSpec } from './spec.ts';

const LABEL = 'io.github.mcp-switchboard';

const fileOf = ({ isSystem, home }: ServiceSpec): string =>
  join(isSystem ? '/Library/LaunchDaemons' : join(home, 'Library', 'LaunchAgents'), `${LABEL}.plist`);

const logOf = ({ home }: ServiceSpec): string => join(home, 'Library', 'Logs', 'switchboard.log');

const domainOf = ({ isSystem, user }: ServiceSpec): string => (isSystem ? 'system' : `gui/${user}`);
const targetOf = (spec: ServiceSpec): string => `${domainOf(spec)}/${LABEL}`;

const escaped = (text: string): string => text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');

type Value = string | number | boolean | readonly string[] | { readonly [key: string]: Value };

function element(value: Value, indent: string): string {
  if (typeof value === 'boolean') return `${indent}<${value}/>`;
  if (typeof value === 'number') return `${indent}<integer>${value}</integer>`;
  if (typeof value === 'string') return `${indent}<string>${escaped(value)}</string>`;
  const inside = `${indent}  `;
  if (isList(value))
    return [`${indent}<array>`, ...value.map((each) => element(each, inside)), `${indent}</array>`].join('\n');
  const members = Object.entries(value).map(
    ([key, each]) => `${inside}<key>${escaped(key)}</key>\n${element(each, inside)}`,
  );
  return [`${indent}<dict>`, ...members, `${indent}</dict>`].join('\n');
}

const isList = (value: Value): value is readonly string[] => Array.isArray(value);

const plist = (spec: ServiceSpec): string => `<?xml version="1.0" encoding="UTF-8"?>
<!DOCTYPE plist PUBLIC "-//Apple//DTD PLIST 1.0//EN" "http://www.apple.com/DTDs/PropertyList-1.0.dtd">
<!-- ${MARK} (${spec.version}). -->
<plist version="1.0">
${element(
  {
    Label: LABEL,
    ProgramArguments: [...spec.program, 'serve', '--config', spec.config],
    EnvironmentVariables: { PATH: spec.path, HOME: spec.home },
    WorkingDirectory: dirname(spec.config),
    ...(spec.isSystem && { UserName: spec.user }),
    RunAtLoad: true,
    KeepAlive: { SuccessfulExit: false },
    ThrottleInterval: 10,
    // After SIGTERM, which drains.
    ExitTimeOut: spec.stopSeconds,
    ProcessType: 'Interactive',
    // 0077
    Umask: 63,
    SoftResourceLimits: { NumberOfFiles: 65_536 },
    StandardOutPath: logOf(spec),
    StandardErrorPath: logOf(spec),
  },
  '',
)}
</plist>
`;

const launchctl = (...words: string[]): ServiceCommand => ({ words: ['launchctl', ...words] });

export const launchd: ServicePlatform = {
  name: 'launchd',
  files: (spec) => [{ path: fileOf(spec), content: plist(spec), mode: 0o644 }],
  start: (spec, { size }) => [
    ...(size > 0 ? [{ ...launchctl('bootout', targetOf(spec)), mayFail: true as const }] : []),
    launchctl('enable', targetOf(spec)),
    // What was ended just now is still there for a moment; one that is there unchanged stays.
    size > 0
      ? { ...launchctl('bootstrap', domainOf(spec), fileOf(spec)), tries: 10 }
      : { ...launchctl('bootstrap', domainOf(spec), fileOf(spec)), mayFail: true },
    launchctl('kickstart', targetOf(spec)),
  ],
  stop: (spec) => [{ ...launchctl('bootout', targetOf(spec)), mayFail: true }],
  status: (spec) => launchctl('print', targetOf(spec)),
  logs: (spec, lines, follow) => ({ words: ['tail', '-n', String(lines), ...(follow ? ['-F'] : []), logOf(spec)] }),
  note: ({ isSystem }) => (isSystem ? 'It starts with the machine.' : 'It starts when you log in.'),
};
