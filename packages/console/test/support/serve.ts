/** `switchboard serve` with a configuration file of one test, as a process of its own. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { endWith } from './browser.ts';
import { folder } from './console-server.ts';

const cli = fileURLToPath(new URL('../../../switchboard/dist/cli/main.js', import.meta.url));

export interface Served {
  /** A link that signs in. */
  link(): Promise<string>;
  /** The configuration file as it is. */
  read(): string;
  /** Changes it as an editor does; Switchboard reads it again by itself. */
  write(text: string): void;
  readonly path: string;
}

/** @param clients files of MCP clients in the home folder of its user, by their names. */
export async function startServe(
  configuration: object,
  clients: Readonly<Record<string, object>> = {},
): Promise<Served> {
  const home = folder();
  for (const [name, content] of Object.entries(clients)) {
    mkdirSync(dirname(join(home, name)), { recursive: true });
    writeFileSync(join(home, name), JSON.stringify(content));
  }
  const path = join(home, 'switchboard.json');
  const token = 'the-token-of-a-test-0123456789abcdef';
  writeFileSync(path, JSON.stringify(configuration, undefined, 2), { mode: 0o600 });
  const args = [cli, 'serve', '--config', path, '--port', '0', '--warm', '0', '--log-level', 'silent'];
  const child = spawn(process.execPath, args, {
    env: {
      ...process.env,
      HOME: home,
      XDG_CONFIG_HOME: join(home, '.config'),
      XDG_RUNTIME_DIR: home,
      SWITCHBOARD_ADMIN_TOKEN: token,
    },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const ended = once(child, 'exit');
  endWith(async () => {
    child.kill();
    await ended;
  });
  let origin = '';
  for await (const line of createInterface({ input: child.stdout })) {
    origin = /http:\/\/127\.0\.0\.1:\d+/.exec(line)?.[0] ?? '';
    if (origin !== '') break;
  }
  child.stdout.resume();
  const link = async (): Promise<string> => {
    const headers = { authorization: `Bearer ${token}` };
    const answer = await fetch(`${origin}/admin/console-link`, { method: 'POST', headers });
    return ((await answer.json()) as { url: string }).url;
  };
  return { link, path, read: () => readFileSync(path, 'utf8'), write: (text) => writeFileSync(path, text) };
}
