// Before each test file of the tier `unit`: it must start no process and reach nothing beyond this machine.
import childProcess, { ChildProcess } from 'node:child_process';
import { syncBuiltinESMExports } from 'node:module';
import { Socket } from 'node:net';

/** Node's own way to connect, which is replaced before each file of a worker. */
const CONNECT = Symbol.for('switchboard.connect');

function refuse(what) {
  throw new Error(`A unit test must not ${what}. Move the file to another tier: scripts/tiers.mjs`);
}

// All that do not wait come by here.
ChildProcess.prototype.spawn = ({ file }) => refuse(`start a process: ${file}`);
for (const name of ['execFileSync', 'execSync', 'spawnSync']) {
  childProcess[name] = (file) => refuse(`start a process: ${file}`);
}
syncBuiltinESMExports();

const connect = (Socket.prototype[CONNECT] ??= Socket.prototype.connect);
Socket.prototype.connect = function (...args) {
  const [options] = args.flat();
  const host = typeof options === 'object' ? options.host : undefined;
  if (host && !/^(localhost|127\.[\d.]+|::1)$/.test(host)) refuse(`connect to ${host}`);
  return connect.apply(this, args);
};
