// HAProxy or nginx in front of three nodes of this machine, as examples/cluster configures them: round robin for each request, without
// stickiness.
import { spawn } from 'node:child_process';
import { randomInt } from 'node:crypto';
import { once } from 'node:events';
import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';

const START_MS = 10_000;
const NAMES = ['a', 'b', 'c'];

const recipe = (file) => readFileSync(new URL(`../../examples/cluster/${file}`, import.meta.url), 'utf8');

const PROGRAMS = {
  haproxy: {
    config(ports, port, { keepAlive, checks, folder }) {
      const whole = recipe('haproxy.cfg');
      const text = (checks ? whole : whole.replaceAll(/ check inter .*/g, ''))
        .replace(/^global$/m, `global\n  stats socket ${folder}/admin level admin`)
        .replace(/^  mode http$/m, keepAlive ? '$&' : '$&\n  option httpclose');
      const named = { PORT: port, PORT_A: ports[0], PORT_B: ports[1], PORT_C: ports[2] };
      return Object.entries(named).reduce((all, [name, value]) => all.replaceAll(`\${${name}}`, value), text);
    },
    args: ({ config }) => ['-db', '-f', config],
  },
  nginx: {
    config(ports, port, { keepAlive, checks, folder }) {
      let text = recipe('nginx.conf').replaceAll(/:870([0-3])\b/g, (_, nth) => `:${[port, ...ports][Number(nth)]}`);
      if (!checks) text = text.replaceAll(/max_fails=1 fail_timeout=1s/g, 'max_fails=0');
      if (!keepAlive) {
        text = text
          .replaceAll(/^  keepalive.*\n/gm, '')
          .replace("'' '';", "'' close;")
          .replace(/^server \{$/m, '$&\n  keepalive_timeout 0;');
      }
      return [
        `pid ${folder}/pid; error_log stderr error; worker_processes 1; daemon off; worker_rlimit_nofile 8192;`,
        'events { worker_connections 4096; }',
        `http { access_log off; client_body_temp_path ${folder}/body; proxy_temp_path ${folder}/proxy;`,
        ` fastcgi_temp_path ${folder}/f; uwsgi_temp_path ${folder}/u; scgi_temp_path ${folder}/s;`,
        `${text}}`,
      ].join('\n');
    },
    args: ({ config, folder }) => ['-c', config, '-p', folder, '-e', 'stderr'],
  },
};

/**
 * @param name haproxy or nginx.
 * @param ports of the three nodes, which may start later.
 * @param options.keepAlive whether connections of clients, and those to nodes, are used for more than one request.
 * @param options.checks whether a node is left out that seems to be gone; without it, none is, however slow it is.
 * @returns its port; `setUsed`, which takes a node out or puts it back (HAProxy only); and `stop`.
 */
export async function startBalancer(name, ports, { keepAlive = true, checks = true } = {}) {
  if (!Object.hasOwn(PROGRAMS, name))
    throw new Error(`a balancer is ${Object.keys(PROGRAMS).join(' or ')}, not ${name}`);
  const { config, args } = PROGRAMS[name];
  const folder = mkdtempSync(join(tmpdir(), `switchboard-${name}-`));
  // Workers of nginx, which are somebody else, put large bodies into a folder in it.
  chmodSync(folder, 0o755);
  const port = await freePort();
  const file = join(folder, 'config');
  writeFileSync(file, config(ports, port, { keepAlive, checks, folder }));
  const child = spawn(name, args({ config: file, folder }), { stdio: ['ignore', 'ignore', 'pipe'] });
  const kill = () => child.kill('SIGKILL');
  process.on('exit', kill);
  let log = '';
  child.stderr.setEncoding('utf8').on('data', (chunk) => (log = (log + chunk).slice(-10_000)));
  let failure;
  child.once('error', (error) => (failure = error.message));
  const exit = new Promise((resolve) => child.once('close', resolve));
  const stop = async () => {
    // Both end at once by it, with what they carry.
    child.kill('SIGTERM');
    const late = setTimeout(kill, 3000);
    await exit;
    clearTimeout(late);
    process.off('exit', kill);
    rmSync(folder, { recursive: true, force: true });
  };
  const deadline = Date.now() + START_MS;
  while (!(await accepts(port))) {
    if (failure === undefined && child.exitCode === null && Date.now() < deadline) await pause(20);
    else {
      await stop();
      throw new Error(`${name} does not listen on port ${port}: ${failure ?? log}`);
    }
  }
  const setUsed = async (nth, isUsed) => {
    const socket = connect(join(folder, 'admin'));
    socket.resume().end(`set server nodes/${NAMES[nth]} state ${isUsed ? 'ready' : 'maint'}\n`);
    await once(socket, 'close');
  };
  return { port, setUsed, stop };
}

/** A port of this machine that nobody listens on, and that no outgoing connection is given before it is used. */
export async function freePort() {
  for (;;) {
    const port = randomInt(20_000, 32_000);
    const server = createServer().listen(port, '127.0.0.1');
    const isFree = await once(server, 'listening').then(
      () => true,
      () => false,
    );
    if (!isFree) continue;
    server.close();
    await once(server, 'close');
    return port;
  }
}

function accepts(port) {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1').once('error', () => resolve(false));
    socket.once('connect', () => {
      socket.destroy();
      resolve(true);
    });
  });
}
