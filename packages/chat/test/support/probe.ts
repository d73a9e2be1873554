/** A service on this machine that knows which key belongs to which organization. */
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { onTestFinished } from 'vitest';

import type { HttpProbe } from '../../src/index.ts';

/** @param knows whether a key is one of an organization's. */
export async function startProbe(knows: (key: string, organization: string) => boolean): Promise<HttpProbe> {
  const service = createServer((request, response) => {
    const [, , organization = ''] = (request.url ?? '').split('/');
    const key = (request.headers.authorization ?? '').replace(/^Bearer /, '');
    response.writeHead(knows(key, decodeURIComponent(organization)) ? 200 : 401).end('{}');
  });
  await new Promise<void>((resolve) => service.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => {
    service.closeAllConnections();
    service.close();
  });
  const { port } = service.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}/organizations/\${auth.org_id}/me`,
    headers: { Authorization: 'Bearer ${auth.api_key}' },
  };
}
