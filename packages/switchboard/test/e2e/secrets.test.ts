/** Secrets are planted wherever a caller can put one, and looked for wherever something is written. */
import { readFileSync, readdirSync } from 'node:fs';
import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { WebSocket } from 'ws';

import { cli, servers } from '../support/gateway.ts';
import { http } from '../support/http.ts';
import { bearer, testKeys } from '../support/keys.ts';
import { WireClient, envelope, initializeParams, toolCall } from '../support/wire.ts';

const initialize = { jsonrpc: '2.0', id: 0, method: 'initialize', params: initializeParams() };

/** What the kernel tells every user of this machine of its processes; nothing where it has no such folder. */
function processList(): string {
  try {
    return readdirSync('/proc')
      .filter((name) => /^\d+$/.test(name) && name !== String(process.pid))
      .map((pid) => {
        try {
          return readFileSync(`/proc/${pid}/cmdline`, 'utf8');
        } catch {
          return '';
        }
      })
      .join('\n');
  } catch {
    return '';
  }
}

it('no credential of a caller is in the log, the audit log, metrics, answers, or the process list', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'switchboard-secrets-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const keys = testKeys();
  const [ann, revoked] = [keys.add('ann', ['operator']), keys.add('ben')];
  keys.revoke('ben');
  const secret = 'shared-secret-canary-of-more-than-32-characters';
  const config = join(folder, 'switchboard.json');
  const audit = join(folder, 'audit.log');
  const jwt = {
    issuer: 'https://issuer.example.com',
    audience: 'https://gateway.example.com/mcp',
    secret: '${env:JWT_SECRET}',
  };
  writeFileSync(
    config,
    JSON.stringify({
      port: 0,
      keysFile: keys.path,
      auditLog: audit,
      auditContents: true,
      logLevel: 'trace',
      jwt,
      upstreams: { demo: servers.demo },
    }),
  );
  const child = spawn(process.execPath, [cli, 'serve', '--config', config], {
    env: { ...process.env, JWT_SECRET: secret },
  });
  onTestFinished(() => void child.kill('SIGKILL'));
  let written = '';
  for (const pipe of [child.stdout, child.stderr]) pipe.on('data', (chunk: Buffer) => (written += chunk.toString()));
  await expect.poll(() => /"url":"([^"]+)"/.exec(written)?.[1], { timeout: 10_000 }).toBeDefined();
  const url = /"url":"([^"]+)"/.exec(written)![1]!;
  const ws = url.replace('http', 'ws');

  const jwtCanary = `${Buffer.from('{"alg":"HS256"}').toString('base64url')}.${Buffer.from('{"sub":"canary"}').toString('base64url')}.sig-canary`;
  const canaries = {
    ann,
    revoked,
    wrong: `swb_${'a'.repeat(12)}_${'canary'.repeat(7)}x`,
    jwt: jwtCanary,
    opaque: 'opaque-canary-token',
    basic: Buffer.from('ann:basic-canary').toString('base64'),
    cookie: 'cookie-canary',
    query: 'query-canary-token',
    secret,
  };
  const answers: string[] = [];
  const post = async (target: string, headers: Record<string, string>, body: object = initialize): Promise<void> => {
    const answer = await http(target, { headers, body: body as never });
    answers.push(answer.body, JSON.stringify(answer.headers));
  };
  await post(url, bearer(ann));
  for (const token of [revoked, canaries.wrong, jwtCanary, canaries.opaque]) {
    await post(url, bearer(token));
    await post(url, { 'x-api-key': token });
  }
  await post(url, { authorization: `Basic ${canaries.basic}`, cookie: `session=${canaries.cookie}` });
  await post(`${url}?access_token=${canaries.query}`, bearer(ann));
  await post(`${url}/${canaries.query}?x=1`, bearer(ann));
  const params = { name: 'add', arguments: { a: 1, b: 2 }, _meta: envelope() };
  const modern = { 'mcp-protocol-version': '2026-07-28', 'mcp-method': 'tools/call', 'mcp-name': 'add' };
  await post(url, { ...bearer(ann), ...modern }, { jsonrpc: '2.0', id: 1, method: 'tools/call', params });
  const offers = [ann, canaries.opaque].map((token) => `mcp.auth.${Buffer.from(token).toString('base64url')}`);
  for (const offer of [...offers, 'mcp.ticket.ticket-canary']) {
    await new Promise<void>((resolve) => {
      const socket = new WebSocket(ws, ['nonsense', offer]);
      socket.on('error', () => {});
      socket.on('unexpected-response', (_, response) => {
        response.on('data', (chunk: Buffer) => answers.push(chunk.toString()));
        response.on('end', resolve);
      });
    });
  }
  const client = await WireClient.open(ws, { headers: bearer(ann) });
  client.send(initialize);
  await client.answer(0);
  const whoami = await client.call(1, 'whoami');
  const { ticket } = JSON.parse((await http(new URL('/ticket', url).href, { headers: bearer(ann) })).body) as {
    ticket: string;
  };
  const page = await WireClient.open(ws, {}, ['mcp', `mcp.ticket.${ticket}`]);
  page.send(toolCall(1, 'whoami'));
  answers.push(JSON.stringify(await page.answer(1)), JSON.stringify(whoami));
  const metrics = await http(new URL('/metrics', url).href, { method: 'GET', headers: bearer(ann) });
  expect(metrics.status).toBe(200);
  const ps = processList();
  child.kill('SIGTERM');
  await new Promise((resolve) => child.once('exit', resolve));

  const places = {
    log: written,
    audit: readFileSync(audit, 'utf8'),
    metrics: metrics.body,
    answers: answers.join('\n'),
    processes: ps,
  };
  const inPath = {
    ...canaries,
    ticket,
    ticketCanary: 'ticket-canary',
    offer: offers[0]!,
    digest: JSON.parse(readFileSync(keys.path, 'utf8')).keys[0].digest as string,
  };
  const found = Object.entries(places).flatMap(([place, text]) =>
    Object.entries(inPath).flatMap(([name, canary]) => (text.includes(canary) ? [`${name} in ${place}`] : [])),
  );
  // A path is no place for secrets, and is named in the refusal of who asked for it.
  expect(found.filter((each) => !each.startsWith('query in'))).toEqual([]);
  expect(places.audit).toContain('"ann"');
  expect(places.log).toContain('connection.refused');
});
