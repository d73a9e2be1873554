/** A real authorization server. */
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import AuthorizationServer from 'oidc-provider';
import { onTestFinished } from 'vitest';

/** It has one client, whose tokens are JWTs for the resource that is asked for. */
export async function startAuthorizationServer(resource: () => string): Promise<string> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const issuer = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const provider = new AuthorizationServer(issuer, {
    clients: [
      {
        client_id: 'robot',
        client_secret: 'robot-secret',
        grant_types: ['client_credentials'],
        redirect_uris: [],
        response_types: [],
        scope: 'mcp:read mcp:write',
      },
    ],
    scopes: ['mcp:read', 'mcp:write'],
    features: {
      devInteractions: { enabled: false },
      clientCredentials: { enabled: true },
      resourceIndicators: {
        enabled: true,
        getResourceServerInfo: (_context, indicator) => {
          if (indicator !== resource()) throw new Error(`no such resource: ${indicator}`);
          return { scope: 'mcp:read mcp:write', audience: indicator, accessTokenFormat: 'jwt', accessTokenTTL: 60 };
        },
      },
    },
  });
  const answer = provider.callback();
  server.on('request', (request, response) => void answer(request, response));
  onTestFinished(
    () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  );
  return issuer;
}
