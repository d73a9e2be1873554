// Child processes that never outlive this one.
import { spawn } from 'node:child_process';

const running = new Set();
process.on('exit', () => running.forEach((child) => child.kill('SIGKILL')));
process.on('SIGINT', () => process.exit(130));
process.on('SIGTERM', () => process.exit(143));

function start(command, args, options) {
  const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'pipe'], ...options });
  const output = { stdout: '', stderr: '' };
  child.stdout.setEncoding('utf8').on('data', (chunk) => (output.stdout += chunk));
  child.stderr.setEncoding('utf8').on('data', (chunk) => (output.stderr += chunk));
  running.add(child);
  // A command that cannot be started closes too, with a negative code.
  child.on('error', (error) => (output.stderr += error.message));
  const closed = new Promise((resolve) => {
    child.on('close', (code, signal) => {
      running.delete(child);
      resolve(code ?? signal);
    });
  });
  return { child, output, closed };
}

/** Runs a command to its end, killing it after `timeout` ms. A killed command has a signal as code. */
export async function run(command, args, { timeout, ...options }) {
  const { child, output, closed } = start(command, args, options);
  const timer = setTimeout(() => child.kill('SIGKILL'), timeout);
  const code = await closed;
  clearTimeout(timer);
  return { code, ...output };
}

/** Starts a server and waits for it to print its address. `stop` fails when it has to be killed. */
export async function serve(command, args, { timeout = 30_000, ...options } = {}) {
  const { child, output, closed } = start(command, args, options);
  const stop = async () => {
    child.kill('SIGTERM');
    const timer = setTimeout(() => child.kill('SIGKILL'), 10_000);
    const code = await closed;
    clearTimeout(timer);
    if (code === 'SIGKILL') throw new Error(`${command} ${args.join(' ')} did not end by SIGTERM`);
  };
  const deadline = Date.now() + timeout;
  for (;;) {
    const url = /http:\/\/127\.0\.0\.1:\d+\/mcp/.exec(output.stdout)?.[0];
    if (url) return { url, stop, output };
    const ended = await Promise.race([closed, new Promise((resolve) => setTimeout(resolve, 50))]);
    if (ended !== undefined || Date.now() > deadline) {
      await stop();
      const said = `${output.stdout}${output.stderr}`.trim();
      throw new Error(`${command} ${args.join(' ')} did not serve (${ended ?? 'too slow'}):\n${said}`);
    }
  }
}
