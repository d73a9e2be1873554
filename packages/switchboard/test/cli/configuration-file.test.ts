/** The configuration file as operators change it: what is kept, what is refused, and the way back. */
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';

import { readConfig } from '../../src/cli/config.ts';
import { configurationFile } from '../../src/cli/configuration-file.ts';
import type { Change } from '../../src/gateway/change.ts';
import type { ConfigurationFile } from '../../src/gateway/configuration-file.ts';
import { createGateway } from '../../src/gateway/gateway.ts';
import { servers } from '../support/gateway.ts';

const [command] = [JSON.stringify(servers.demo.command)];
const TEXT = `{
  // how many a minute
  "rateLimit": 600, // as agreed
  "keysFile": "",
  "upstreams": {
    "demo": { "command": ${command}, "args": ["x"], "env": { "TOKEN": "canary-value" } },
    "other": { "command": ${command} }, // kept
  },
}
`;

/** @param fail whether the running Switchboard cannot take what was written. */
function start(text = TEXT, fail = false): { file: ConfigurationFile; path: string; read(): string } {
  const folder = mkdtempSync(join(tmpdir(), 'configuration-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const path = join(folder, 'switchboard.json');
  writeFileSync(path, text, { mode: 0o640 });
  const inputOf = (of: string) => {
    const { settings, access, upstreams } = readConfig(of, path, {}, {});
    return { ...settings, ...access, upstreams };
  };
  const gateway = createGateway(inputOf(text));
  onTestFinished(() => gateway.close());
  const read = (): string => readFileSync(path, 'utf8');
  const reload = (): Change => {
    if (fail) throw new Error('cannot');
    return gateway.reload(inputOf(read()));
  };
  const changeBy = (of: string): Change => gateway.changeBy(inputOf(of));
  return { file: configurationFile({ path, disabled: () => [], changeBy, reload, now: () => 7 }), path, read };
}

it('shows what a change would do, makes it by the syntax of the file, and says who made it', () => {
  const { file, path, read } = start();
  const edit = { options: { rateLimit: '1200', warm: null }, servers: { other: 'disable' } } as const;
  const preview = file.preview(edit);
  expect(preview.differences).toEqual([
    { what: 'rateLimit', before: '600', after: '1200' },
    { what: 'server other', before: 'enabled', after: 'disabled' },
  ]);
  expect(preview.change).toMatchObject({ removed: ['other'], restartNeeded: ['rateLimit'] });
  expect(read()).toBe(TEXT);
  expect(file.apply(edit, 'olga', preview.version)).toMatchObject({ removed: ['other'] });
  const text = read();
  expect(text).toContain('// how many a minute\n  "rateLimit": 1200');
  expect(text).toContain('"disabled": true');
  expect(text).toContain('// kept');
  expect(statSync(path).mode & 0o777).toBe(0o640);
  const { revisions } = file.facts();
  expect(revisions).toMatchObject([{ time: 7, operator: 'olga', undone: false, differences: preview.differences }]);
  expect(JSON.stringify([preview, revisions])).not.toContain('canary-');
});

it('takes the newest change back, byte for byte, and refuses where the file has changed since', () => {
  const { file, path, read } = start();
  file.apply({ options: { rateLimit: 1 } }, 'olga');
  file.apply({ roles: { reader: { upstreams: ['demo'] }, default: {} } }, 'olga');
  expect(read()).toContain('"reader": { "upstreams": ["demo"] }');
  file.undo('olga');
  file.undo('olga');
  expect(read()).toBe(TEXT);
  expect(() => file.undo('olga')).toThrow('no operator has changed');
  file.apply({ options: { rateLimit: 2 } }, 'olga');
  writeFileSync(path, `${read()}\n`);
  expect(() => file.undo('olga')).toThrow('by other hands');
});

it('says what stands in it now, whoever wrote it, and what of that waits for the next start', () => {
  const { file, path, read } = start();
  expect(file.facts()).toMatchObject({ values: { rateLimit: '600' }, restartNeeded: [] });
  file.apply({ options: { rateLimit: '1200' } }, 'olga');
  expect(file.facts()).toMatchObject({ values: { rateLimit: '1200' }, restartNeeded: ['rateLimit'] });
  // Set back by the form, and not by undoing it.
  file.apply({ options: { rateLimit: '600' } }, 'olga');
  expect(file.facts()).toMatchObject({ values: { rateLimit: '600' }, restartNeeded: [] });
  writeFileSync(path, read().replace('"rateLimit": 600', '"idleTimeout": "90s"'));
  const facts = file.facts();
  expect(facts.values).toEqual({ idleTimeout: '90s' });
  expect(facts.restartNeeded.toSorted()).toEqual(['idleTimeout', 'rateLimit']);
  expect(JSON.stringify(facts.values)).not.toContain('keysFile');
});

it('says why it cannot be read again, and keeps what was changed from here', () => {
  const { file, path, read } = start();
  file.apply({ options: { rateLimit: 1200 } }, 'olga');
  const [good, revisions] = [read(), file.facts().revisions];
  writeFileSync(path, good.replace('1200', '"often"'));
  expect(file.facts()).toMatchObject({
    values: { rateLimit: 'often' },
    wrong: expect.stringContaining('often'),
    revisions,
  });
  writeFileSync(path, good.replace('{', '{ "rateLimit" '));
  expect(file.facts()).toMatchObject({ values: {}, roles: {}, revisions, wrong: expect.stringContaining(`${path}:`) });
  writeFileSync(path, good);
  expect(file.facts().wrong).toBeUndefined();
});

it('leaves a file alone that has changed since the difference was shown', () => {
  const { file, path, read } = start();
  const { version } = file.preview({ options: { rateLimit: 1 } });
  writeFileSync(path, TEXT.replace('as agreed', 'as agreed again'));
  expect(() => file.apply({ options: { rateLimit: 1 } }, 'olga', version)).toThrow('has changed since');
  expect(read()).toContain('as agreed again');
});

it.each([
  [{ options: { rateLimit: 'often' } }, /rateLimit: .*often/],
  [{ options: { rateLimt: 1 } }, /Did you mean "rateLimit"/],
  [{ options: { rateLimit: 600 } }, /changes nothing/],
  [{ servers: { dmo: 'remove' } }, /Did you mean "demo"/],
  [{ roles: { reader: { upstream: ['demo'] } } }, /roles/],
] as const)('writes nothing of %j, and says what is wrong', (edit, what) => {
  const { file, read } = start();
  expect(() => file.preview(edit as never)).toThrow(what);
  expect(() => file.apply(edit as never, 'olga')).toThrow(what);
  expect(read()).toBe(TEXT);
});

it('refuses what says who is let in, what is written down or where Switchboard listens, and what is a secret', () => {
  const { file, read } = start();
  for (const name of [
    'keysFile',
    'auditLog',
    'host',
    'tlsCert',
    'adminToken',
    'token',
    'clusterKey',
    'peerListen',
    'store',
  ]) {
    expect(() => file.apply({ options: { [name]: 'x' } }, 'olga'), name).toThrow('change it in the file');
  }
  expect(read()).toBe(TEXT);
});

it('gives the file back when the running Switchboard does not take it', () => {
  const { file, read } = start(TEXT, true);
  expect(() => file.apply({ options: { rateLimit: 1 } }, 'olga')).toThrow('cannot');
  expect(read()).toBe(TEXT);
  expect(file.facts().revisions).toEqual([]);
});

it('serves a server again that was disabled, in each block and by each word', () => {
  const block = (name: string, off: string): string =>
    `"${name}": { "${name}-one": { "command": ${command}, ${off} } }`;
  const text = `{ ${block('upstreams', '"disabled": true')}, ${block('mcpServers', '"enabled": false')}, "servers": { "demo": { "command": ${command} } } }`;
  const { file, read } = start(text);
  for (const name of ['upstreams-one', 'mcpServers-one']) {
    expect(file.apply({ servers: { [name]: 'enable' } }, 'olga').added).toEqual([name]);
    expect(file.apply({ servers: { [name]: 'disable' } }, 'olga').removed).toEqual([name]);
  }
  file.undo('olga');
  expect(read()).toContain('"enabled": true');
});
