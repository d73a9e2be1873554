import { existsSync, mkdtempSync, readFileSync, renameSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';

import { AuditLog, redacted } from '../../src/observe/audit.ts';
import type { GatewayEvent } from '../../src/observe/events.ts';
import { servers, startGateway } from '../support/gateway.ts';
import { sample, scrape } from '../support/prometheus.ts';
import { WireClient } from '../support/wire.ts';
import type { Json } from '../support/wire.ts';

const upstreams = { default: servers.scripted };

function folder(): string {
  const path = mkdtempSync(join(tmpdir(), 'audit-'));
  onTestFinished(() => rmSync(path, { recursive: true, force: true }));
  return path;
}

const linesOf = (path: string): Json[] =>
  existsSync(path)
    ? readFileSync(path, 'utf8')
        .split('\n')
        .filter(Boolean)
        .map((line) => JSON.parse(line) as Json)
    : [];

const calls = (path: string): Json[] => linesOf(path).filter(({ type }) => type === 'request.ended');

describe('the audit log', () => {
  it('names the server and the tool that were reached where all servers have one address', async () => {
    const auditLog = join(folder(), 'audit.jsonl');
    const test = await startGateway({ upstreams: { one: servers.scripted, two: servers.scripted }, auditLog });
    const client = await WireClient.session(test.all.ws);
    await client.call(1, 'two__echo', { text: 'x' });
    await client.call(2, `one__${'long'.repeat(20)}`);
    await test.gateway.close();
    expect(calls(auditLog).map(({ upstream, target }) => [upstream, target])).toEqual([
      ['two', 'echo'],
      ['one', 'long'.repeat(20)],
    ]);
  });

  it('has a line for each request: when, who, what, where, how it ended, how long it took and how large it was', async () => {
    const auditLog = join(folder(), 'below', 'audit.jsonl');
    const test = await startGateway({ upstreams, auditLog });
    const client = await WireClient.session(test.ws);
    await client.call(1, 'echo', { text: 'é' });
    await client.call(2, 'missing');
    await client.call(3, 'big', { bytes: 50_000 });
    await test.gateway.close();
    const [echo, missing, big] = calls(auditLog);
    expect(echo).toEqual({
      time: expect.stringMatching(/^\d{4}-\d\d-\d\dT[\d:.]+Z$/) as string,
      type: 'request.ended',
      exchange: expect.any(String) as string,
      method: 'tools/call',
      target: 'echo',
      upstream: 'default',
      session: expect.any(String) as string,
      principal: 'anonymous',
      client: 'wire 1',
      transport: 'websocket',
      era: 'legacy',
      ms: expect.any(Number) as number,
      outcome: 'ok',
      bytesIn: Buffer.byteLength('{"name":"echo","arguments":{"text":"é"}}'),
      bytesOut: Buffer.byteLength('{"content":[{"type":"text","text":"é"}]}'),
    });
    expect(missing).toMatchObject({ target: 'missing', outcome: 'error', code: -32002 });
    expect(big!['bytesOut']).toBeGreaterThan(50_000);
    expect(linesOf(auditLog).map(({ type }) => type)).toEqual([
      'connection.opened',
      'session.opened',
      'request.ended',
      'request.ended',
      'request.ended',
      'session.closed',
      'connection.closed',
    ]);
    expect(statSync(auditLog).mode & 0o777).toBe(0o600);
  });

  it('has nothing of what was said unless that was asked for', async () => {
    const auditLog = join(folder(), 'audit.jsonl');
    const test = await startGateway({ upstreams, auditLog });
    const client = await WireClient.session(test.ws);
    await client.call(1, 'echo', { text: 'between us' });
    await test.gateway.close();
    expect(calls(auditLog)).toHaveLength(1);
    expect(readFileSync(auditLog, 'utf8')).not.toContain('between us');
  });

  it('has params and results where they were asked for, without secrets and without what is long', async () => {
    const auditLog = join(folder(), 'audit.jsonl');
    const test = await startGateway({ upstreams, auditLog, auditContents: true });
    const client = await WireClient.session(test.ws);
    await client.call(1, 'echo', { text: 'hello', login: { Password: 'hunter2', apiKey: 'k-123' } }, { 'acme/x': 1 });
    await client.call(2, 'missing', { token: 't-456' });
    await client.call(3, 'big', { bytes: 100_000 });
    await test.gateway.close();
    const [echo, missing, big] = calls(auditLog);
    expect(echo!['params']).toEqual({
      name: 'echo',
      arguments: { text: 'hello', login: { Password: '[redacted]', apiKey: '[redacted]' } },
    });
    expect(echo!['result']).toEqual({ content: [{ type: 'text', text: 'hello' }] });
    expect(missing!['error']).toEqual({ code: -32002, message: 'no such resource' });
    expect(big!['result']).toMatch(/^\[left out: 100\d{3} bytes, the limit is 65536\]$/);
    expect(readFileSync(auditLog, 'utf8')).not.toMatch(/hunter2|k-123|t-456/);
  });

  it('goes on in a new file when the old one was moved away, and loses no line', async () => {
    const at = folder();
    const auditLog = join(at, 'audit.jsonl');
    const test = await startGateway({ upstreams, auditLog });
    const client = await WireClient.session(test.ws);
    await client.call(1, 'echo', { text: 'x' });
    await expect.poll(() => calls(auditLog)).toHaveLength(1);
    renameSync(auditLog, join(at, 'old.jsonl'));
    await client.call(2, 'echo', { text: 'x' });
    test.gateway.reopenAuditLog();
    await client.call(3, 'echo', { text: 'x' });
    await test.gateway.close();
    expect(calls(join(at, 'old.jsonl'))).toHaveLength(2);
    expect(calls(auditLog)).toHaveLength(1);
  });

  it.runIf(existsSync('/dev/full'))('never stops a call when the disk is full: that is told, and counted', async () => {
    const test = await startGateway({ upstreams, auditLog: '/dev/full' });
    const failed = test.nextEvent('audit.failed');
    const client = await WireClient.session(test.ws);
    for (let id = 1; id <= 20; id++) expect(await client.call(id, 'echo', { text: 'x' })).toHaveProperty('result');
    expect(await failed).toMatchObject({ reason: expect.stringContaining('ENOSPC') as string });
  });

  it('never stops a call when its file cannot be opened: lost lines are counted', async () => {
    // A folder is no file.
    const test = await startGateway({ upstreams, auditLog: folder() });
    const failed = test.nextEvent('audit.failed');
    const client = await WireClient.session(test.ws);
    expect(await client.call(1, 'echo', { text: 'x' })).toHaveProperty('result');
    expect(await failed).toMatchObject({ reason: expect.stringContaining('EISDIR') as string, lost: 1 });
    const lost = (await scrape(test)).get(sample('switchboard_audit_lost_total'));
    expect(lost).toBeGreaterThanOrEqual(1);
  });

  it('keeps what waits for the disk within its limit', async () => {
    const events: GatewayEvent[] = [];
    const path = join(folder(), 'audit.jsonl');
    const audit = new AuditLog({ path, emit: (event) => events.push(event), maxQueueBytes: 1000 });
    const event: GatewayEvent = {
      type: 'connection.closed',
      connection: 'x',
      transport: 'http',
      reason: 'y'.repeat(100),
    };
    for (let n = 0; n < 100; n++) audit.write(event);
    await audit.close();
    const lost = events.reduce((sum, each) => sum + (each.type === 'audit.failed' ? each.lost : 0), 0);
    expect(linesOf(path).length).toBeLessThan(10);
    expect(lost + linesOf(path).length).toBe(100);
  });

  it.each([
    'password',
    'dbPassword',
    'passwd',
    'token',
    'access_token',
    'clientSecret',
    'Authorization',
    'api-key',
    'key',
    'privateKey',
    'cookie',
    'credentials',
  ])('knows %s for the name of a secret, however deep', (name) => {
    expect(redacted({ list: [{ [name]: 'hush', kept: 1 }] })).toBe(`{"list":[{"${name}":"[redacted]","kept":1}]}`);
    expect(redacted({ [name]: { nested: 'hush' } })).not.toContain('hush');
  });
});
