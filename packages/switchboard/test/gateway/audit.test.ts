/** The audit log for operators and auditors: searched, exported, and who gets what of it. */
import { appendFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';

import type { AuditAnswer } from '../../src/gateway/admin/audit.ts';
import type { GatewayOptions } from '../../src/gateway/gateway.ts';
import { MAX_SEARCH_BYTES, auditLines, searchAudit } from '../../src/observe/audit-reader.ts';
import { servers, startGateway } from '../support/gateway.ts';
import type { TestGateway } from '../support/gateway.ts';
import { http } from '../support/http.ts';
import type { HttpAnswer } from '../support/http.ts';
import { bearer, testKeys } from '../support/keys.ts';
import { WireClient } from '../support/wire.ts';
import type { Json } from '../support/wire.ts';

function folder(): string {
  const path = mkdtempSync(join(tmpdir(), 'audit-'));
  onTestFinished(() => rmSync(path, { recursive: true, force: true }));
  return path;
}

interface AuditTest extends TestGateway {
  auditLog: string;
  /** Asks on the console, as who has these roles. */
  as(roles: string[]): Promise<(line: string, body?: Json) => Promise<HttpAnswer>>;
  search(query?: string): Promise<AuditAnswer>;
}

async function startAudit(options: Partial<GatewayOptions> = {}): Promise<AuditTest> {
  const [auditLog, keys] = [join(folder(), 'audit.jsonl'), testKeys()];
  const texts = new Map<string, string>();
  for (const roles of ['operator', 'auditor', 'viewer', 'operator,auditor']) {
    texts.set(roles, keys.add(`the ${roles}`, roles.split(',')));
  }
  const test = await startGateway({
    upstreams: { demo: servers.scripted },
    isolation: 'shared',
    auditLog,
    auditContents: true,
    keysFile: keys.path,
    roles: { anonymous: {}, default: {} },
    servePages: () => false,
    ...options,
  });
  const origin = `http://127.0.0.1:${test.port}`;
  const as: AuditTest['as'] = async (roles) => {
    const signedIn = await http(`${origin}/console/api/sign-in`, {
      headers: { ...bearer(texts.get(roles.join(','))!), origin },
    });
    expect(signedIn.status).toBe(200);
    const cookie = String(signedIn.headers['set-cookie']![0]).split(';')[0]!;
    const { csrfToken } = JSON.parse(signedIn.body) as { csrfToken: string };
    const changing = { origin, 'content-type': 'application/json', 'switchboard-csrf-token': csrfToken };
    return (line, body) => {
      const [method = '', path = ''] = line.split(' ');
      const more = method === 'GET' ? {} : changing;
      return http(`${origin}/console/api${path}`, { method, headers: { cookie, ...more }, body: body ?? '' });
    };
  };
  const search = async (query = ''): Promise<AuditAnswer> => {
    const headers = bearer(test.gateway.adminToken!);
    const answer = await http(`${test.gateway.adminUrl}/audit${query}`, { method: 'GET', headers });
    return JSON.parse(answer.body) as AuditAnswer;
  };
  return { ...test, auditLog, as, search };
}

async function callAs(test: TestGateway, name: string, tool: string, args: Json): Promise<void> {
  const client = await WireClient.open(test.ws);
  client.send({
    jsonrpc: '2.0',
    id: 0,
    method: 'initialize',
    params: { protocolVersion: '2025-11-25', capabilities: {}, clientInfo: { name, version: '1' } },
  });
  await client.answer(0);
  client.send({ jsonrpc: '2.0', method: 'notifications/initialized' });
  await client.call(1, tool, args);
}

describe('the audit log', () => {
  it('is searched by person, client, tool, outcome and time, and has what operators did, with who it was', async () => {
    const test = await startAudit();
    await callAs(test, 'Cursor', 'echo', { text: 'one' });
    await callAs(test, 'Claude Code', 'fail', {});
    const found = async (query: string): Promise<unknown[]> => {
      const { lines } = await test.search(query);
      return lines.map(({ type, target, client }) => [type, target, client]);
    };
    await expect.poll(() => found('?tool=ECHO')).toEqual([['request.ended', 'echo', 'Cursor 1']]);
    expect(await found('?client=claude&type=request.ended')).toEqual([['request.ended', 'fail', 'Claude Code 1']]);
    expect(await found('?principal=nobody')).toEqual([]);
    expect(await found('?tool=echo&since=1h')).toHaveLength(1);
    expect(await found('?tool=echo&until=1h')).toHaveLength(0);
    expect(JSON.stringify(await test.search('?since=yesterday'))).toContain('how long ago');
    const operator = await test.as(['operator']);
    await operator('POST /upstreams/demo/restart');
    await expect
      .poll(async () => (await test.search('?principal=the+operator&outcome=ok')).lines)
      .toMatchObject([
        { type: 'operator.acted', operator: 'the operator', action: 'POST /upstreams/{name}/restart', subject: 'demo' },
      ]);
  });

  it('gives the contents of messages to auditors alone, says what it leaves out, and notes who has read it', async () => {
    const test = await startAudit();
    await callAs(test, 'Cursor', 'echo', { text: 'the content' });
    await expect.poll(() => test.search('?tool=echo')).toMatchObject({ lines: [{ target: 'echo' }] });
    for (const [roles, reads] of [
      [['operator'], false],
      [['auditor'], true],
      [['operator', 'auditor'], true],
    ] as const) {
      const ask = await test.as([...roles]);
      for (const path of ['/audit?tool=echo', '/audit/export?tool=echo', '/audit/export?format=csv&tool=echo']) {
        const { status, body } = await ask(`GET ${path}`);
        expect([roles, path, status, body.includes('the content')]).toEqual([roles, path, 200, reads]);
        expect(body).toContain('echo');
      }
      const { redacted } = JSON.parse((await ask('GET /audit')).body) as AuditAnswer;
      expect(redacted.join()).toContain(reads ? '[redacted]' : 'requires the role auditor');
    }
    expect((await (await test.as(['viewer']))('GET /audit')).status).toBe(403);
    await expect
      .poll(async () =>
        (await test.search('?type=operator.acted&principal=the+auditor')).lines.map(({ subject }) => subject),
      )
      .toContain('tool=echo');
  });

  it('an operator who is no auditor gives nobody that role: neither by a link nor by a key', async () => {
    const test = await startAudit();
    const operator = await test.as(['operator']);
    expect((await operator('POST /console-link', { role: 'auditor' })).status).toBe(403);
    expect((await operator('POST /keys', { principal: 'me', roles: ['auditor'] })).status).toBe(403);
    const both = await test.as(['operator', 'auditor']);
    expect((await both('POST /console-link', { role: 'auditor' })).status).toBe(200);
    const link = JSON.parse((await both('POST /console-link', { role: 'operator' })).body) as { url: string };
    const headers = { origin: new URL(link.url).origin, 'content-type': 'application/json' };
    const body = { link: link.url.split('#')[1]! };
    const opened = await http(`${new URL(link.url).origin}/console/api/sign-in`, { headers, body });
    expect(JSON.parse(opened.body)).toEqual({
      name: 'the operator,auditor',
      role: 'operator',
      csrfToken: expect.any(String),
    });
    const auditor = await test.as(['auditor']);
    expect((await auditor('POST /reload')).status).toBe(403);
  });

  it('says so where there is none, and where it cannot be read', async () => {
    const { search } = await startAudit({ auditLog: '' });
    expect(JSON.stringify(await search())).toContain('--audit-log');
  });

  it('is exported for a spreadsheet without a cell that it would take for a formula', async () => {
    const test = await startAudit();
    await callAs(test, '=HYPERLINK("http://evil.example.com")', '@SUM(1)', {});
    const auditor = await test.as(['auditor']);
    await expect.poll(async () => (await auditor('GET /audit/export?format=csv')).body).toContain('SUM');
    const { body, headers } = await auditor('GET /audit/export?format=csv');
    expect(headers['content-disposition']).toBe('attachment; filename="audit.csv"');
    expect(body).toContain(`"'=HYPERLINK(""http://evil.example.com"") 1"`);
    expect(body).not.toMatch(/(^|,)"?[=@]/m);
  });
});

describe('a file of the audit log', () => {
  const line = (nr: number, more: object = {}): string =>
    `${JSON.stringify({ time: new Date(1_760_000_000_000 + nr * 1000).toISOString(), type: 'request.ended', principal: 'ann', target: `t${nr}`, outcome: 'ok', ...more })}\n`;
  const names = (lines: readonly Json[]): unknown[] => lines.map(({ target }) => target);

  it('is read from its end, page by page, whatever lines in it are none', async () => {
    const path = join(folder(), 'audit.jsonl');
    writeFileSync(path, '');
    for (let nr = 0; nr < 50; nr++) appendFileSync(path, line(nr, { filler: 'ä'.repeat(10_000) }));
    appendFileSync(path, '\n{"time":7}\n["x"]\nnot JSON\n{"type":"request.ended","target":"cut');
    const first = await searchAudit(path, { tool: 't' }, { limit: 20 });
    expect(names(first.lines)).toEqual(Array.from({ length: 20 }, (_, nth) => `t${49 - nth}`));
    const second = await searchAudit(path, { tool: 't' }, { limit: 100, before: first.before });
    expect(names(second.lines)).toEqual(Array.from({ length: 30 }, (_, nth) => `t${29 - nth}`));
    expect(second.before).toBeUndefined();
    const recent = await searchAudit(path, { since: 1_760_000_040_000, tool: 't' }, { limit: 100 });
    expect(names(recent.lines)).toHaveLength(10);
    const all: unknown[] = [];
    for await (const some of auditLines(path, { tool: 't' })) all.push(...names(some));
    expect(all).toEqual(Array.from({ length: 50 }, (_, nth) => `t${nth}`));
    expect(readFileSync(path, 'utf8')).toContain('cut');
  });

  it('is read so far at a time, and an endless line keeps nobody', async () => {
    const path = join(folder(), 'audit.jsonl');
    writeFileSync(path, line(1) + 'x'.repeat(MAX_SEARCH_BYTES + 1000));
    const page = await searchAudit(path, { tool: 't' }, { limit: 10 });
    expect([page.lines, page.before]).toEqual([[], expect.any(Number)]);
    const older = await searchAudit(path, { tool: 't' }, { limit: 10, before: page.before });
    expect([names(older.lines), older.before]).toEqual([['t1'], undefined]);
  });
});
