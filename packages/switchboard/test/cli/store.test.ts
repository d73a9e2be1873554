/** Which store `switchboard serve` opens, and what it says where it cannot. */
import { existsSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';

import { stateFolder } from '../../src/cli/state-store.ts';
import { ended, folder, run, served, start } from '../support/command.ts';
import { servers } from '../support/gateway.ts';
import { http } from '../support/http.ts';
import { freePort } from '../support/port.ts';

const command = ['--warm', '0', '--', servers.scripted.command, ...servers.scripted.args];

describe('the store of serve', () => {
  it('is a file of its user for the port, which one process holds; another goes on in memory and says why', async () => {
    const state = folder();
    const port = await freePort();
    const first = await served(start(['serve', '--port', String(port), ...command], { XDG_STATE_HOME: state }));
    const file = join(state, 'switchboard', `${port}.db`);
    expect((statSync(file).mode & 0o777).toString(8)).toBe('600');
    const second = start(['serve', '--port', String(port), ...command], { XDG_STATE_HOME: state });
    const { code, stderr } = await ended(second);
    expect(stderr).toContain(
      `switchboard: sessions will not outlive this process. The store cannot be used: ${file}: another process has it open\n`,
    );
    expect(code).not.toBe(0);
    expect(stderr).toContain('SWB_PORT_IN_USE');
    first.child.kill('SIGTERM');
    expect(await first.exit).toBe(0);
  });

  it('is memory on a port that is another one each time, and where it is told so', async () => {
    const state = folder();
    const free = await served(start(['serve', '--port', '0', ...command], { XDG_STATE_HOME: state }));
    const port = String(await freePort());
    const told = await served(
      start(['serve', '--port', port, '--store', 'memory', ...command], { XDG_STATE_HOME: state }),
    );
    expect(existsSync(join(state, 'switchboard'))).toBe(false);
    expect([free.stderr(), told.stderr()].join('')).not.toContain('store');
  });

  it('is refused with its file and what to do where one is named that cannot be used, and the file is as it was', async () => {
    const file = join(folder(), 'broken.db');
    const text = 'no database, and longer than the header of one. '.repeat(20);
    writeFileSync(file, text);
    const { code, stderr } = await run(['serve', '--port', '0', '--store', `sqlite:${file}`, ...command]);
    expect(code).not.toBe(0);
    expect(stderr).toContain(`The store cannot be used: ${file}: file is not a database; move the file away`);
    expect(stderr).toContain('SWB_STORE_INVALID');
    expect(readFileSync(file, 'utf8')).toBe(text);
    const unknown = await run(['serve', '--port', '0', '--store', 'file:/x', ...command]);
    expect(unknown.stderr).toContain('store: expected memory, sqlite:<file>, or a URL');
  });

  it('goes on in memory, in one line, where the folder of the user cannot be written', async () => {
    const home = folder();
    // Also for whoever may write everywhere: there is a file in the place of the folder.
    writeFileSync(join(home, 'state-file'), '');
    const port = String(await freePort());
    const {
      child,
      exit,
      http: url,
      stderr,
    } = await served(start(['serve', '--port', port, ...command], { XDG_STATE_HOME: join(home, 'state-file') }));
    const lines = stderr().split('\n');
    expect(lines.filter((line) => line.includes('sessions will not outlive this process'))).toHaveLength(1);
    expect((await http(new URL('/healthz', url).href, { method: 'GET' })).status).toBe(200);
    child.kill('SIGTERM');
    expect(await exit).toBe(0);
  });

  it('is where each system keeps state', () => {
    const home = { HOME: '/home/ann' };
    expect(stateFolder({ ...home, XDG_STATE_HOME: '/state' }, 'linux')).toBe('/state/switchboard');
    expect(stateFolder(home, 'linux')).toBe('/home/ann/.local/state/switchboard');
    expect(stateFolder(home, 'darwin')).toBe('/home/ann/Library/Application Support/Switchboard');
    expect(stateFolder({ ...home, LOCALAPPDATA: '/local' }, 'win32')).toBe('/local/Switchboard');
  });
});
