/** Two people with keys of their own use the same servers through one Switchboard at the same time: the API sees each call with its key. */
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { describe, expect, it, onTestFinished } from 'vitest';

import { root, startGateway } from '../support/gateway.ts';
import { WireClient, initializeParams } from '../support/wire.ts';
import type { Json } from '../support/wire.ts';

interface Seen {
  /** What the call was about. */
  tag: string;
  authorization: string;
}

/** An API that answers whatever it is asked in one shape, and keeps who asked for what. */
async function startApi(body: (tag: string) => object): Promise<{ url: string; seen: Seen[] }> {
  const seen: Seen[] = [];
  const server = createServer((request, response) => {
    const tag = /(ADA|BEN)\d+/.exec(request.url ?? '')?.[0] ?? '';
    seen.push({ tag, authorization: request.headers.authorization ?? '' });
    response.setHeader('content-type', 'application/json');
    response.end(JSON.stringify(body(tag)));
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(() => {
    server.close();
    server.closeAllConnections();
  });
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, seen };
}

async function arrive(url: string, headers: Record<string, string>): Promise<WireClient> {
  const client = await WireClient.open(url, { headers });
  client.send({ jsonrpc: '2.0', id: 0, method: 'initialize', params: initializeParams() });
  await client.answer(0);
  client.send({ jsonrpc: '2.0', method: 'notifications/initialized' });
  return client;
}

/** All calls of one person, ten at a time, with the same ids as everybody's. */
async function callAll(client: WireClient, count: number, call: (n: number) => [string, Json]): Promise<Json[]> {
  const answers: Json[] = [];
  let next = 1;
  const worker = async (): Promise<void> => {
    while (next <= count) {
      const id = next++;
      answers.push(await client.call(id, ...call(id)));
    }
  };
  await Promise.all(Array.from({ length: 10 }, worker));
  return answers;
}

const basic = (id: string, secret: string): string => `Basic ${Buffer.from(`${id}:${secret}`).toString('base64')}`;

describe('two people with keys of their own', () => {
  it('call the Tallyfy server over WebSocket at once: 1,000 of 1,000 calls carry the right key', async () => {
    const api = await startApi((tag) => ({ data: { id: tag, title: tag, status: 'active' } }));
    const test = await startGateway({
      isolation: 'principal',
      upstreams: {
        tallyfy: {
          command: process.execPath,
          args: [`${root}servers/tallyfy/dist/main.js`, '--base-url', `${api.url}/api`],
          env: { TALLYFY_API_KEY: '${caller.header:X-Tallyfy-Key}', TALLYFY_ORG_ID: '${caller.header:X-Tallyfy-Org}' },
        },
      },
    });
    const people = await Promise.all(
      ['ada', 'ben'].map(async (name) => ({
        name: name.toUpperCase(),
        key: `key-of-${name}-0123456789`,
        client: await arrive(test.ws, { 'x-tallyfy-key': `key-of-${name}-0123456789`, 'x-tallyfy-org': `org-${name}` }),
      })),
    );
    const answers = await Promise.all(
      people.map(({ client, name }) =>
        callAll(client, 500, (n) => ['get_process', { process_id: `${name}${String(n)}` }]),
      ),
    );
    expect(answers.flat().filter(({ result }) => (result as Json)['isError'] === true)).toEqual([]);
    expect(api.seen.filter(({ tag }) => tag !== '')).toHaveLength(1000);
    for (const { name, key } of people) {
      const theirs = api.seen.filter(({ tag }) => tag.startsWith(name));
      expect(new Set(theirs.map(({ authorization }) => authorization))).toEqual(new Set([`Bearer ${key}`]));
      expect(new Set(theirs.map(({ tag }) => tag)).size).toBe(500);
    }
  });

  it('call the Luno server over WebSocket at once, within the rate of each key', async () => {
    const api = await startApi(() => ({ balance: [] }));
    const test = await startGateway({
      isolation: 'principal',
      upstreams: {
        luno: {
          command: process.execPath,
          args: [`${root}servers/luno/dist/main.js`, '--base-url', api.url],
          env: { LUNO_API_KEY_ID: '${caller.header:X-Luno-Id}', LUNO_API_SECRET: '${caller.header:X-Luno-Secret}' },
        },
      },
    });
    const people = await Promise.all(
      ['ada', 'ben'].map(async (name) => ({
        name: name.toUpperCase(),
        authorization: basic(`id-${name}`, `secret-${name}`),
        client: await arrive(test.ws, { 'x-luno-id': `id-${name}`, 'x-luno-secret': `secret-${name}` }),
      })),
    );
    await Promise.all(
      people.map(({ client, name }) =>
        callAll(client, 100, (n) => ['get_balances', { assets: [`${name}${String(n)}`] }]),
      ),
    );
    expect(api.seen.filter(({ tag }) => tag !== '')).toHaveLength(200);
    for (const { name, authorization } of people) {
      const theirs = api.seen.filter(({ tag }) => tag.startsWith(name));
      expect(new Set(theirs.map((each) => each.authorization))).toEqual(new Set([authorization]));
      expect(new Set(theirs.map(({ tag }) => tag)).size).toBe(100);
    }
  });

  it('are told which header to send when it is missing', async () => {
    const test = await startGateway({
      upstreams: {
        luno: {
          command: process.execPath,
          args: [`${root}servers/luno/dist/main.js`],
          env: { LUNO_API_KEY_ID: '${caller.header:X-Luno-Id}' },
        },
      },
    });
    const client = await WireClient.open(test.ws);
    client.send({ jsonrpc: '2.0', id: 0, method: 'initialize', params: initializeParams() });
    const { error } = await client.answer(0);
    expect(error).toMatchObject({ data: { code: 'SWB_CREDENTIAL_MISSING' } });
    expect((error as { message: string }).message).toContain('X-Luno-Id');
  });
});
