/**
 * Loaded into targets before their own code. Some peers have no option for the address they listen on; the bench
 * must stay on loopback. Where memory is measured, a signal collects garbage, so that what is counted is kept. And
 * a target whose runner was killed ends by itself.
 */
const { Server } = require('node:net');

const listen = Server.prototype.listen;
Server.prototype.listen = function (port, ...rest) {
  const bare = typeof port === 'number' && typeof rest[0] !== 'string';
  return bare ? listen.call(this, port, '127.0.0.1', ...rest) : listen.call(this, port, ...rest);
};
if (globalThis.gc) process.on('SIGUSR2', () => globalThis.gc());
// A profile is written at a proper end.
if (process.execArgv.includes('--cpu-prof')) process.on('SIGTERM', () => process.exit());
const runner = process.ppid;
setInterval(() => process.ppid !== runner && process.kill(process.pid, 'SIGTERM'), 1000).unref();
