/**
 * A real reverse proxy in front of a gateway, from the recipe that `deploy/` ships: only names, ports and certificates are replaced, and
 * it listens on loopback.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished } from 'vitest';

import type { TestAuthority } from './certificates.ts';
import { root } from './gateway.ts';
import { freePort } from './port.ts';

export type ProxyName = 'nginx' | 'haproxy' | 'caddy';

interface Recipe {
  file: string;
  /** How the recipe names the port of clients. */
  listens: RegExp;
  /** The lines of the system's own configuration around the recipe, which is in `path`. */
  around?(path: string, folder: string): string;
  /** The program's arguments, with its configuration in `config`. */
  args(config: string, folder: string): string[];
  /** A signal that makes it read its configuration again, and what it logs when the old workers take no more clients. */
  reload: { signal: NodeJS.Signals; isDone: RegExp } | { command(config: string, adminPort: number): string[] };
}

const RECIPES: Readonly<Record<ProxyName, Recipe>> = {
  nginx: {
    file: 'nginx.conf',
    listens: /(?<=listen )443/g,
    around: (path, folder) =>
      [
        `pid ${folder}/pid; error_log stderr notice; worker_processes 1; daemon off;`,
        'events {}',
        // Switchboard's own X-Accel-Buffering would hide that the recipe does not switch buffering off.
        'http { proxy_ignore_headers X-Accel-Buffering;',
        // Shorter than the silence of an event stream in the tests: the recipe has to allow more.
        'proxy_read_timeout 1s; proxy_send_timeout 1s; client_max_body_size 1m;',
        ` access_log off; client_body_temp_path ${folder}/body; proxy_temp_path ${folder}/proxy;`,
        `fastcgi_temp_path ${folder}/f; uwsgi_temp_path ${folder}/u; scgi_temp_path ${folder}/s; include ${path}; }`,
      ].join('\n'),
    args: (config, folder) => ['-c', config, '-p', folder, '-e', 'stderr'],
    reload: { signal: 'SIGHUP', isDone: /gracefully shutting down/ },
  },
  haproxy: {
    file: 'haproxy.cfg',
    listens: /(?<=bind ):443/g,
    // As the service of the system runs it.
    args: (config) => ['-W', '-f', config],
    reload: { signal: 'SIGUSR2', isDone: /Proxy mcp stopped|Stopping frontend mcp/ },
  },
  caddy: {
    file: 'Caddyfile',
    listens: /^mcp\.example\.com(?= \{)/gm,
    args: (config) => ['run', '--adapter', 'caddyfile', '--config', config],
    reload: {
      command: (config, adminPort) => [
        'reload',
        '--adapter',
        'caddyfile',
        '--config',
        config,
        '--address',
        `localhost:${adminPort}`,
      ],
    },
  },
};

export interface ReverseProxy {
  port: number;
  /** Leads new clients to another Switchboard, as a person does who edits the file and reloads. */
  leadTo(port: number): Promise<void>;
}

/** @param target the port of Switchboard. */
export async function startReverseProxy(
  name: ProxyName,
  authority: TestAuthority,
  target: number,
): Promise<ReverseProxy> {
  const { file, listens, around, args, reload } = RECIPES[name];
  const folder = mkdtempSync(join(tmpdir(), `switchboard-${name}-`));
  // Workers of nginx, which are somebody else, put large bodies into a folder in it.
  chmodSync(folder, 0o755);
  const [port, adminPort] = [await freePort(), await freePort()];
  const [recipe, config] = [join(folder, 'recipe'), join(folder, 'config')];
  // HAProxy reads certificate and key from one file.
  const both = authority.write('both.pem', authority.read('server.pem') + authority.read('server-key.pem'));
  const write = (to: number): void => {
    const text = readFileSync(join(root, 'deploy', file), 'utf8')
      .replaceAll(listens, `${name === 'caddy' ? 'localhost' : '127.0.0.1'}:${port}`)
      .replace('auto_https', `default_bind 127.0.0.1\n\tadmin localhost:${adminPort}\n\tauto_https`)
      .replaceAll('127.0.0.1:8765', `127.0.0.1:${to}`)
      .replaceAll('/etc/ssl/mcp.example.com-key.pem', authority.path('server-key.pem'))
      .replaceAll('/etc/ssl/mcp.example.com.pem', name === 'haproxy' ? both : authority.path('server.pem'))
      .replaceAll(/^(?!#)(.*)mcp\.example\.com/gm, '$1localhost');
    writeFileSync(around === undefined ? config : recipe, text);
    if (around !== undefined) writeFileSync(config, around(recipe, folder));
  };
  write(target);
  const env = { PATH: process.env['PATH'], HOME: folder };
  const child = spawn(name, args(config, folder), { env, stdio: ['ignore', 'ignore', 'pipe'] });
  let log = '';
  child.stderr.setEncoding('utf8').on('data', (chunk: string) => (log += chunk));
  const exit = once(child, 'exit');
  onTestFinished(async () => {
    child.kill('SIGTERM');
    // Workers of before a reload wait for their clients, whose sockets the test has ended.
    const late = setTimeout(() => child.kill('SIGKILL'), 3000);
    await exit;
    clearTimeout(late);
    rmSync(folder, { recursive: true, force: true });
  });
  await expect.poll(() => (child.exitCode === null ? accepts(port) : log), { interval: 20 }).toBe(true);
  return {
    port,
    leadTo: async (to) => {
      write(to);
      if ('command' in reload) {
        await once(spawn(name, reload.command(config, adminPort), { env, stdio: 'ignore' }), 'exit');
        return;
      }
      child.kill(reload.signal);
      await expect.poll(() => log, { interval: 20 }).toMatch(reload.isDone);
    },
  };
}

function accepts(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1', () => resolve(true)).once('error', () => resolve(false));
    socket.once('connect', () => socket.destroy());
  });
}
