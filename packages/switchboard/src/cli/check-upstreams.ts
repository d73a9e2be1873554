/** What `doctor` finds of each server: whether it starts, or is Switchboard itself. */
import { createGateway } from '../gateway/gateway.ts';
import { ownAddresses } from '../gateway/own-address.ts';
import type { Settings } from '../gateway/settings.ts';
import type { UpstreamOptions } from '../gateway/upstream-options.ts';
import { asSwitchboardError } from '../protocol/errors.ts';
import type { JsonObject } from '../protocol/jsonrpc.ts';
import { LINES_KEPT } from '../upstreams/last-words.ts';
import type { EXIT } from './exit.ts';
import { runFiles } from './run-file.ts';
import { describeCheck } from './status.ts';

/** What was looked at. A warning ends with 0 all the same. */
export interface Finding {
  check: string;
  state: 'ok' | 'warning' | 'failed';
  detail: string;
  /** Of a server that failed, its last lines. */
  stderr?: readonly string[];
  /** The exit code where it failed. */
  exit?: keyof typeof EXIT;
}

type Upstreams = Readonly<Record<string, UpstreamOptions>>;

/** Starts each server once, but for those that are this Switchboard. Never rejects. */
export async function checkUpstreams({
  input,
  settings,
  upstreams,
}: {
  input: JsonObject;
  settings: Settings;
  upstreams: Upstreams;
}): Promise<Finding[]> {
  const own = ownAddresses(settings, settings.port, upstreams);
  const looping = own.map(({ path, message }): Finding => {
    return { check: `upstream ${path[1]}`, state: 'failed', detail: message, exit: 'config' };
  });
  const names = Object.keys(upstreams).filter((name) => !own.some(({ path }) => path[1] === name));
  const rest = Object.fromEntries(names.map((name) => [name, upstreams[name]!]));
  const started = names.length === 0 ? [] : await startEach(input, rest);
  return [...looping, ...started.map((finding) => withRunning(finding, rest))];
}

async function startEach(input: JsonObject, upstreams: Upstreams): Promise<Finding[]> {
  // It serves nobody, so it needs no port and no log, and starts only what is looked at.
  const quiet = { transport: 'all', port: 0, adminPort: 'off', warm: 0, auditLog: '' } as const;
  const lines = new Map<string, string[]>();
  try {
    const gateway = createGateway({
      ...input,
      ...quiet,
      upstreams,
      environment: process.env,
      onEvent: (event) => {
        if (event.type === 'member.started') lines.set(event.upstream, []);
        else if (event.type === 'upstream.stderr') {
          lines.set(event.upstream, [...(lines.get(event.upstream) ?? []), event.line].slice(-LINES_KEPT));
        }
      },
    });
    try {
      return await Promise.all(
        Object.keys(upstreams).map(async (name): Promise<Finding> => {
          const check = `upstream ${name}`;
          try {
            return { check, state: 'ok', detail: describeCheck(await gateway.operations.check(name)) };
          } catch (error) {
            const { code, message } = asSwitchboardError(error);
            if (code === 'SWB_CREDENTIAL_MISSING') return { check, state: 'warning', detail: `not tried: ${message}` };
            const stderr = lines.get(name) ?? [];
            const more = stderr.length === 0 ? {} : { stderr };
            return { check, state: 'failed', detail: message, ...more, exit: 'unreachable' };
          }
        }),
      );
    } finally {
      await gateway.close();
    }
  } catch (error) {
    return [{ check: 'upstreams', state: 'failed', detail: asSwitchboardError(error).message, exit: 'config' }];
  }
}

/** A Switchboard that runs may serve this very file, and then be its own upstream. */
function withRunning(finding: Finding, upstreams: Upstreams): Finding {
  const options = upstreams[finding.check.slice('upstream '.length)];
  const pid = options === undefined ? undefined : runningAt(options);
  if (pid === undefined) return finding;
  const note =
    `It is the address of the Switchboard that runs as process ${pid}: if that one serves this configuration, it is its own upstream. ` +
    'Then give the address or the command of the server itself';
  return {
    ...finding,
    state: finding.state === 'ok' ? 'warning' : finding.state,
    detail: `${finding.detail}. ${note}`,
  };
}

/** Every name and address of this machine. */
const HERE: Parameters<typeof ownAddresses>[0] = { host: '0.0.0.0', transport: ['http'], allowedHosts: [] };

/** The process of the Switchboard of this user that serves where an upstream is, where its admin API shares that port. */
function runningAt(upstream: UpstreamOptions): number | undefined {
  const serves = (url: string): boolean => ownAddresses(HERE, Number(new URL(url).port), { upstream }).length > 0;
  return runFiles(process.env).find(({ url }) => serves(url))?.pid;
}
