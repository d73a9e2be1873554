/** The way of the specification as a whole: an SDK client that knows nothing but the address, and an authorization server. */
import {
  Client,
  ClientCredentialsProvider,
  StreamableHTTPClientTransport,
  discoverOAuthProtectedResourceMetadata,
} from '@modelcontextprotocol/client';
import { expect, it, onTestFinished } from 'vitest';

import { startAuthorizationServer } from '../support/authorization-server.ts';
import { servers, startGateway } from '../support/gateway.ts';
import type { TestGateway } from '../support/gateway.ts';
import { http } from '../support/http.ts';
import { freePort } from '../support/port.ts';
import { initializeParams } from '../support/wire.ts';

const AUDIENCE_PATH = '/mcp';

async function start(): Promise<TestGateway & { resource: string; issuer: string }> {
  // It has to know its own address before it listens.
  const port = await freePort();
  const resource = `http://127.0.0.1:${port}${AUDIENCE_PATH}`;
  const issuer = await startAuthorizationServer(() => resource);
  const test = await startGateway({
    port,
    upstreams: { default: servers.demo },
    jwt: {
      issuer,
      audience: resource,
      scopes: { 'mcp:read': ['reader'], 'mcp:write': ['writer'] },
      requiredScopes: ['mcp:read'],
    },
    roles: { reader: { readOnly: true }, writer: {} },
  });
  return { ...test, resource, issuer };
}

it('a client finds the way to a token by itself, and has the rights of its scopes', async () => {
  const test = await start();
  const metadata = await discoverOAuthProtectedResourceMetadata(new URL(test.http));
  expect(metadata).toMatchObject({
    resource: test.resource,
    authorization_servers: [test.issuer],
    bearer_methods_supported: ['header'],
    scopes_supported: ['mcp:read', 'mcp:write'],
  });
  const authProvider = new ClientCredentialsProvider({
    clientId: 'robot',
    clientSecret: 'robot-secret',
    scope: 'mcp:read',
    expectedIssuer: test.issuer,
  });
  const client = new Client({ name: 'robot', version: '1' });
  onTestFinished(() => client.close());
  await client.connect(new StreamableHTTPClientTransport(new URL(test.http), { authProvider }));
  const names = (await client.listTools()).tools.map(({ name }) => name);
  expect(names).toContain('add');
  expect(names).not.toContain('note_add');
  expect((await client.callTool({ name: 'add', arguments: { a: 1, b: 2 } })).structuredContent).toEqual({ sum: 3 });
  const opened = test.events.find(({ type }) => type === 'session.opened' || type === 'request.ended');
  expect(opened).toMatchObject({ principal: 'robot' });
});

it('a token that lacks a scope is told which, and one for another resource is not given or taken', async () => {
  const test = await start();
  const tokenFor = async (scope: string): Promise<string> => {
    const answer = await fetch(`${test.issuer}/token`, {
      method: 'POST',
      headers: { authorization: `Basic ${Buffer.from('robot:robot-secret').toString('base64')}` },
      body: new URLSearchParams({ grant_type: 'client_credentials', scope, resource: test.resource }),
    });
    return ((await answer.json()) as { access_token: string }).access_token;
  };
  const body = { jsonrpc: '2.0', id: 0, method: 'initialize', params: initializeParams() };
  const show = async (token: string): ReturnType<typeof http> =>
    http(test.http, { headers: { authorization: `Bearer ${token}` }, body });
  const weak = await show(await tokenFor('mcp:write'));
  expect(weak.status).toBe(403);
  const where = new URL('/.well-known/oauth-protected-resource/mcp', test.http).href;
  expect(weak.headers['www-authenticate']).toBe(
    `Bearer error="insufficient_scope", scope="mcp:read", resource_metadata="${where}"`,
  );
  expect((await show(await tokenFor('mcp:read mcp:write'))).status).toBe(200);
  const nobody = await http(test.http, { body });
  expect(nobody.headers['www-authenticate']).toBe(`Bearer scope="mcp:read", resource_metadata="${where}"`);
});
