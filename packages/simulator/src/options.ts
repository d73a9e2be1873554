/** The one table of options: flags, help and the reference page are made from it. */
import { parseChaos } from './chaos.ts';
import type { Chaos } from './chaos.ts';
import type { Era } from './client-group.ts';
import { SimulatorError } from './errors.ts';
import { parseThresholds } from './thresholds.ts';
import type { Threshold } from './thresholds.ts';
import { MAX_WAIT_MS, parseDuration, parseRate, parseSize } from './units.ts';

/** The options as they were read: durations are milliseconds, sizes bytes. */
export interface Settings {
  /** `multi` measures many clients; `single` shows the conversation of one, at one call a second. @default multi */
  mode: 'single' | 'multi';
  /** How many clients; `single` has one. @default 10 */
  clients: number;
  /** How long to run once all clients are open; `0` runs until it is ended. @default 60s */
  duration: number;
  /** Ends after so many steps of all clients, if that comes first. */
  calls: number | undefined;
  /** Steps a second of all clients, such as `500` or `90/m`; latency counts from when a step should have begun. Without it each client goes on when it is answered. */
  rate: number | undefined;
  /** Concurrent calls per client. @default 1 */
  inFlight: number;
  /** The time over which clients are opened. @default 0 */
  ramp: number;
  /** `legacy` (2025-11-25), `modern` (2026-07-28), `mixed`, or `echo`: no MCP, the target sends every frame back. @default legacy */
  era: Era;
  /** The tool to call; without it one is chosen that gives its text back. */
  tool: string | undefined;
  /** Its arguments, a template; without it they are made from the tool's schema. */
  args: unknown;
  /** A file with weighted steps, instead of `--tool`. */
  scenario: string | undefined;
  /** Each client chooses the same steps and storms in each run with the same number. @default 1 */
  seed: number;
  /** A header to send along; may be repeated. */
  header: Record<string, string>;
  /** The API key or token to send as `Authorization: Bearer`; other users of this machine can read flags. */
  token: string | undefined;
  /** CA to trust instead of those of the system (PEM). */
  ca: string | undefined;
  /** Client certificate (PEM). */
  cert: string | undefined;
  /** Its private key, as PEM. */
  key: string | undefined;
  /** How long a call may take before it counts as lost. @default 10s */
  timeout: number;
  /** What goes wrong on purpose, such as `disconnect,cancel=10%`. */
  chaos: Chaos;
  /** How large the calls of the storm `big-message` are. @default 1MiB */
  bigMessage: number;
  /** The server's process: it and its descendants are watched (Linux). */
  pid: number | undefined;
  /** How long processes may take to end after the last client left. @default 3s */
  settle: number;
  /** Threads that the clients are spread over. @default 1 */
  threads: number;
  /** What ends the command with exit code 7, such as `p99>50ms,errors>0`. */
  failOn: Threshold[];
  /** Prints the result as JSON on stdout, and the summary on stderr. @default false */
  json: boolean;
  /** Where to write the result as JSON. */
  output: string | undefined;
  /** Where to write the result as one HTML page. */
  report: string | undefined;
  /** Prints plain lines also on a terminal. @default false */
  plain: boolean;
  /** Takes the keys of the live view from stdin also where that is no terminal. @default false */
  keys: boolean;
}

export interface Option {
  /** How the value is called in `--help`; a switch has none. */
  value?: string;
  /** As one would write it; empty where there is none. */
  fallback: string;
  describe: string;
  /** @returns undefined when the text is not `expected` */
  read(text: string): unknown;
  expected: string;
}

const whole = (least: number): Pick<Option, 'read' | 'expected'> => ({
  read: (text) => (/^\d+$/.test(text) && Number(text) >= least ? Number(text) : undefined),
  expected: `a whole number from ${least}`,
});
const oneOf = (...names: readonly string[]): Pick<Option, 'read' | 'expected'> => ({
  read: (text) => (names.includes(text) ? text : undefined),
  expected: names.join(' or '),
});
const duration = {
  read: (text: string): number | undefined => {
    const ms = parseDuration(text);
    return ms !== undefined && ms <= MAX_WAIT_MS ? ms : undefined;
  },
  expected: 'a duration such as 60s, at most 576h',
};
const size = { read: parseSize, expected: 'a size such as 1MiB' };
const text = { read: (each: string) => each, expected: 'text' };
const onOff = { read: (each: string) => each === 'true', expected: 'nothing' };

function readJson(value: string): unknown {
  try {
    const parsed: unknown = JSON.parse(value);
    return typeof parsed === 'object' && parsed !== null && !Array.isArray(parsed) ? parsed : undefined;
  } catch {
    return undefined;
  }
}

export const DEFAULT_FAIL_ON = 'crossed>0,lost>0,doubled>0,errors>1%';

export const OPTIONS: Readonly<Record<keyof Settings, Option>> = {
  mode: {
    value: 'mode',
    fallback: 'multi',
    describe: '`multi` measures many clients; `single` shows the conversation of one, at one call a second',
    ...oneOf('single', 'multi'),
  },
  clients: { value: 'n', fallback: '10', describe: 'how many clients; `single` has one', ...whole(1) },
  duration: {
    value: 'duration',
    fallback: '60s',
    describe: 'how long to run once all clients are open; `0` runs until it is ended',
    ...duration,
  },
  calls: {
    value: 'n',
    fallback: '',
    describe: 'ends after so many steps of all clients, if that comes first',
    ...whole(1),
  },
  rate: {
    value: 'rate',
    fallback: '',
    describe:
      'steps a second of all clients, such as `500` or `90/m`; latency counts from when a step should have begun. Without it each client goes on when it is answered',
    read: (each) => parseRate(each) || undefined,
    expected: 'a rate such as 500/s',
  },
  inFlight: { value: 'n', fallback: '1', describe: 'concurrent calls per client', ...whole(1) },
  ramp: { value: 'duration', fallback: '0', describe: 'the time over which clients are opened', ...duration },
  era: {
    value: 'era',
    fallback: 'legacy',
    describe:
      '`legacy` (2025-11-25), `modern` (2026-07-28), `mixed`, or `echo`: no MCP, the target sends every frame back',
    ...oneOf('legacy', 'modern', 'mixed', 'echo'),
  },
  tool: {
    value: 'name',
    fallback: '',
    describe: 'the tool to call; without it one is chosen that gives its text back',
    ...text,
  },
  args: {
    value: 'json',
    fallback: '',
    describe: "its arguments, a template; without it they are made from the tool's schema",
    read: readJson,
    expected: 'a JSON object',
  },
  scenario: { value: 'file', fallback: '', describe: 'a file with weighted steps, instead of `--tool`', ...text },
  seed: {
    value: 'n',
    fallback: '1',
    describe: 'each client chooses the same steps and storms in each run with the same number',
    ...whole(0),
  },
  header: { value: 'name: value', fallback: '', describe: 'a header to send along; may be repeated', ...text },
  token: {
    value: 'token',
    fallback: '',
    describe: 'the API key or token to send as `Authorization: Bearer`; other users of this machine can read flags',
    read: (each) => (/^[\x21-\x7e]+$/.test(each) ? each : undefined),
    expected: 'a token without spaces',
  },
  ca: {
    value: 'file',
    fallback: '',
    describe: 'CA to trust instead of those of the system (PEM)',
    ...text,
  },
  cert: {
    value: 'file',
    fallback: '',
    describe: 'client certificate (PEM)',
    ...text,
  },
  key: { value: 'file', fallback: '', describe: 'its private key, as PEM', ...text },
  timeout: {
    value: 'duration',
    fallback: '10s',
    describe: 'how long a call may take before it counts as lost',
    ...duration,
  },
  chaos: {
    value: 'storms',
    fallback: '',
    describe: 'what goes wrong on purpose, such as `disconnect,cancel=10%`',
    read: parseChaos,
    expected: 'storms',
  },
  bigMessage: {
    value: 'size',
    fallback: '1MiB',
    describe: 'how large the calls of the storm `big-message` are',
    ...size,
  },
  pid: {
    value: 'pid',
    fallback: '',
    describe: "the server's process: it and its descendants are watched (Linux)",
    ...whole(1),
  },
  settle: {
    value: 'duration',
    fallback: '3s',
    describe: 'how long processes may take to end after the last client left',
    ...duration,
  },
  threads: { value: 'n', fallback: '1', describe: 'threads that the clients are spread over', ...whole(1) },
  failOn: {
    value: 'thresholds',
    fallback: DEFAULT_FAIL_ON,
    describe: 'what ends the command with exit code 7, such as `p99>50ms,errors>0`',
    read: parseThresholds,
    expected: 'thresholds',
  },
  json: { fallback: 'false', describe: 'prints the result as JSON on stdout, and the summary on stderr', ...onOff },
  output: { value: 'file', fallback: '', describe: 'where to write the result as JSON', ...text },
  report: { value: 'file', fallback: '', describe: 'where to write the result as one HTML page', ...text },
  plain: { fallback: 'false', describe: 'prints plain lines also on a terminal', ...onOff },
  keys: {
    fallback: 'false',
    describe: 'takes the keys of the live view from stdin also where that is no terminal',
    ...onOff,
  },
};

/** What a mode means for options that were not given. */
const SINGLE: Partial<Record<keyof Settings, string>> = { clients: '1', rate: '1', duration: '0' };

/** `in-flight` for `inFlight` */
export const flagOf = (name: string): string =>
  `--${name.replaceAll(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`;

/**
 * Reads what was given on the command line, and fills in the defaults.
 *
 * @throws {SimulatorError} `SIM_USAGE` naming the flag, the value and what was expected
 */
export function readSettings(given: Readonly<Record<string, unknown>>): Settings {
  const { header = [], ...rest } = given as { header?: string[] } & Record<string, string | boolean | undefined>;
  const single = rest['mode'] === 'single' ? SINGLE : {};
  const settings: Record<string, unknown> = {};
  for (const [name, option] of Object.entries(OPTIONS)) {
    if (name === 'header') continue;
    const value = String(rest[name] ?? single[name as keyof Settings] ?? option.fallback);
    if (value === '' && rest[name] === undefined) {
      settings[name] = name === 'chaos' ? {} : undefined;
      continue;
    }
    const read = option.read(value);
    if (read === undefined) {
      const found = name === 'token' ? 'something else' : JSON.stringify(value);
      throw new SimulatorError('SIM_USAGE', `${flagOf(name)}: expected ${option.expected}, got ${found}`);
    }
    settings[name] = read;
  }
  const { chaos, pid, mode, threads, tool, scenario, token } = settings as unknown as Settings;
  if ('crash' in chaos && pid === undefined) {
    throw new SimulatorError('SIM_USAGE', '--chaos crash kills a process below --pid: give that too');
  }
  if (mode === 'single' && threads > 1) throw new SimulatorError('SIM_USAGE', '--threads: one client has one thread');
  if (tool !== undefined && scenario !== undefined) {
    throw new SimulatorError('SIM_USAGE', '--tool and --scenario: the scenario names its tools; give one of the two');
  }
  const headers = readHeaders(header);
  if (token !== undefined && Object.keys(headers).some((name) => name.toLowerCase() === 'authorization')) {
    throw new SimulatorError('SIM_USAGE', '--token and --header both set Authorization; give one of the two');
  }
  const shown: Record<string, string> = token === undefined ? {} : { authorization: `Bearer ${token}` };
  return { ...(settings as unknown as Settings), header: { ...headers, ...shown } };
}

/** The value is not repeated in the message, as it may be a secret. */
function readHeaders(flags: readonly string[]): Record<string, string> {
  return Object.fromEntries(
    flags.map((flag) => {
      const [, name, value] = /^([!#$%&'*+.^_`|~0-9A-Za-z-]+):\s*(.*)$/.exec(flag) ?? [];
      if (name === undefined || value === undefined)
        throw new SimulatorError('SIM_USAGE', '--header: expected "Name: value"');
      return [name, value];
    }),
  );
}

/** Reads where to go. @throws {SimulatorError} `SIM_USAGE` */
export function readUrl(value: string): string {
  const url = URL.canParse(value) ? new URL(value) : undefined;
  if (url !== undefined && /^(https?|wss?):$/.test(url.protocol)) return url.href;
  throw new SimulatorError('SIM_USAGE', `expected a URL with ws, wss, http or https, got ${JSON.stringify(value)}`);
}
