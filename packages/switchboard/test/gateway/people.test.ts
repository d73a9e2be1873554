/** Who uses a gateway, with what its roles come to; keys that operators make and revoke; addresses with wrong credentials. */
import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';

import type { GatewayOptions } from '../../src/gateway/gateway.ts';
import type { KeyFacts } from '../../src/gateway/keys.ts';
import type { PersonFacts } from '../../src/gateway/people.ts';
import type { LockedAddress } from '../../src/limits/lockout.ts';
import { open } from '../support/access.ts';
import { servers, startGateway } from '../support/gateway.ts';
import type { TestGateway } from '../support/gateway.ts';
import { http } from '../support/http.ts';
import { bearer, testKeys } from '../support/keys.ts';
import type { TestKeys } from '../support/keys.ts';
import type { Json } from '../support/wire.ts';

interface PeopleTest extends TestGateway {
  keys: TestKeys;
  /** Asks the admin API. */
  ask(line: string, body?: Json): Promise<{ status: number; body: unknown }>;
}

async function startPeople(options: Partial<GatewayOptions> = {}): Promise<PeopleTest> {
  const keys = testKeys();
  keys.add('root', ['operator']);
  const test = await startGateway({
    upstreams: { demo: servers.scripted, other: servers.scripted },
    isolation: 'shared',
    keysFile: keys.path,
    rateLimit: 60,
    roles: {
      default: {},
      reader: { upstreams: ['demo'], limits: { requestsPerMinute: 30, concurrent: 2, sessions: 3 } },
    },
    ...options,
  });
  const ask: PeopleTest['ask'] = async (line, body) => {
    const [method = '', path = ''] = line.split(' ');
    const headers = { ...bearer(test.gateway.adminToken!), ...(body && { 'content-type': 'application/json' }) };
    const answer = await http(`${test.gateway.adminUrl}${path}`, { method, headers, body: body ?? '' });
    return { status: answer.status, body: JSON.parse(answer.body) as unknown };
  };
  return { ...test, keys, ask };
}

const person = (people: readonly PersonFacts[], name: string): PersonFacts | undefined =>
  people.find(({ principal }) => principal === name);

it('has everybody who is connected or has a key, with the roles that count, servers, limits and what is left', async () => {
  const test = await startPeople();
  const key = test.keys.add('ann', ['reader', 'gone']);
  await expect
    .poll(() =>
      open(test, key).then(
        () => 'open',
        () => 'refused',
      ),
    )
    .toBe('open');
  const ann = await open(test, key);
  await ann.call(1, 'echo', { text: 'x' });
  await ann.call(2, 'echo', { text: 'x' });
  test.keys.add('ben', ['viewer']);
  const body = (await test.ask('GET /people')).body as PersonFacts[];
  expect(body.map(({ principal }) => principal)).toEqual(['ann', 'ben', 'root']);
  expect(person(body, 'ann')).toMatchObject({
    roles: ['gone', 'reader'],
    effective: ['reader'],
    upstreams: ['demo'],
    via: ['api key'],
    sessions: 2,
    keys: 1,
    quotas: { rate: { perMinute: 30, burst: 30 }, running: { now: 0, max: 2 }, maxSessions: 3 },
  });
  expect(person(body, 'ann')!.quotas!.rate!.remaining).toBeLessThan(30);
  expect(person(body, 'ben')).toMatchObject({
    effective: ['default', 'viewer'],
    upstreams: ['demo', 'other'],
    sessions: 0,
  });
  expect(person(body, 'ben')!.lastActivity).toBeUndefined();
  expect(person(body, 'ben')!.quotas!.rate!.remaining).toBe(60);
});

it('makes a key that is shown once, lists it without what opens anything, and ends what it opened when it is revoked', async () => {
  const test = await startPeople();
  const asked = { principal: 'ann', roles: ['reader'], label: 'a laptop', expires: '1h' };
  const made = (await test.ask('POST /keys', asked)).body as KeyFacts & { key: string };
  expect(made).toMatchObject({ principal: 'ann', roles: ['reader'], state: 'good', label: 'a laptop' });
  expect(readFileSync(test.keys.path, 'utf8')).not.toContain(made.key);
  const listed = (await test.ask('GET /keys')).body as KeyFacts[];
  expect(listed.map(({ principal }) => principal)).toEqual(['ann', 'root']);
  expect(JSON.stringify(listed)).not.toMatch(/digest|swb_/);
  await expect
    .poll(() =>
      open(test, made.key).then(
        () => 'open',
        () => 'refused',
      ),
    )
    .toBe('open');
  const client = await open(test, made.key);
  expect((await test.ask(`DELETE /keys/${made.id}`)).status).toBe(200);
  expect((await client.closed).code).toBe(3000);
  const after = (await test.ask('GET /keys')).body as KeyFacts[];
  expect(after[0]).toMatchObject({ id: made.id, state: 'revoked' });
  expect(JSON.stringify(test.events.filter(({ type }) => type === 'operator.acted'))).not.toContain(made.key);
  expect(test.events).toContainEqual(
    expect.objectContaining({ type: 'operator.acted', action: 'POST /keys', subject: 'ann (reader)', outcome: 'ok' }),
  );
});

it('refuses a key for nobody, with a role that is not there, or without end in sight, and an unknown id', async () => {
  const { ask } = await startPeople();
  for (const [body, word] of [
    [{ principal: 'anonymous' }, 'anonymous'],
    [{ principal: 'ann', roles: ['raeder'] }, 'Did you mean \\"reader\\"'],
    [{ principal: 'ann', expires: '400000d' }, '100 years'],
    [{ principal: 7 }, 'body.principal'],
  ] as const) {
    const answer = await ask('POST /keys', body);
    expect([answer.status, JSON.stringify(answer.body)]).toEqual([400, expect.stringContaining(word)]);
  }
  expect((await ask('DELETE /keys/000000000000')).status).toBe(404);
});

it('says that there is no keys file where there is none', async () => {
  const { ask } = await startPeople({ keysFile: '', roles: {} });
  for (const line of ['GET /keys', 'DELETE /keys/x']) {
    const answer = await ask(line);
    expect([answer.status, JSON.stringify(answer.body)]).toEqual([404, expect.stringContaining('--keys-file')]);
  }
});

it('shows addresses with wrong credentials, and lets one begin again', async () => {
  const test = await startPeople();
  const guess = (): Promise<unknown> =>
    http(test.http, { headers: bearer(`swb_000000000000_${'x'.repeat(43)}`), body: {} });
  for (let nth = 0; nth < 3; nth++) await guess();
  const body = (await test.ask('GET /lockouts')).body as LockedAddress[];
  expect(body).toEqual([
    { address: expect.any(String) as string, failures: 3, lastAt: expect.any(Number) as number, waitMs: 0 },
  ]);
  const path = `/lockouts/${encodeURIComponent(body[0]!.address)}`;
  expect((await test.ask(`DELETE ${path}`)).body).toEqual({ count: 1 });
  expect((await test.ask('GET /lockouts')).body).toEqual([]);
  expect((await test.ask(`DELETE ${path}`)).body).toEqual({ count: 0 });
});
