/** Lines between the programs of nodes, where one of the two has hung up. */
import { once } from 'node:events';
import { createServer, request } from 'node:http';
import type { ClientRequest, ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setImmediate as turn } from 'node:timers/promises';
import { expect, it, onTestFinished } from 'vitest';

import { PROGRAM_PATH, ProgramPeers } from '../../src/gateway/program-peers.ts';
import type { PeerLine } from '../../src/gateway/program.ts';
import type { Nodes } from '../../src/peers/nodes.ts';
import type { PeerLink } from '../../src/peers/peer-link.ts';
import { memoryStore } from '../../src/stores/memory.ts';

interface Host {
  /** Opens a line as another node does. */
  open(): ClientRequest;
  /** What the program was given. */
  lines: PeerLine[];
  /** What was answered, and when that was over. */
  served: { response: ServerResponse; done: Promise<void> }[];
}

async function startHost(settled: () => Promise<void>): Promise<Host> {
  const store = memoryStore();
  const lines: PeerLine[] = [];
  const served: Host['served'] = [];
  const peers = new ProgramPeers({
    nodes: { id: 'here', settled } as unknown as Nodes,
    link: {} as PeerLink,
    store,
    program: {
      sessions: () => [],
      kick: () => false,
      metrics: () => '',
      onLine: (_, line) => {
        lines.push(line);
        return { onText() {}, onClose() {} };
      },
    },
    onNotice() {},
  });
  const server = createServer((received, response) => {
    served.push({ response, done: peers.serve(PROGRAM_PATH, received, response) });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(async () => {
    peers.close();
    server.closeAllConnections();
    server.close();
    await store.close();
  });
  const { port } = server.address() as AddressInfo;
  const open = (): ClientRequest => {
    const opened = request({ host: '127.0.0.1', port, method: 'POST', path: PROGRAM_PATH });
    opened.on('error', () => {});
    opened.end(JSON.stringify({ node: 'there', greeting: {} }));
    return opened;
  };
  return { open, lines, served };
}

it('does not host a line whose node hung up before this one knew whether it is still who it was', async () => {
  let settle = (): void => {};
  let ask = (): void => {};
  const asked = new Promise<void>((resolve) => (ask = resolve));
  const host = await startHost(() => {
    ask();
    return new Promise<void>((resolve) => (settle = resolve));
  });
  const opened = host.open();
  await asked;
  const [{ response, done }] = host.served as [Host['served'][0]];
  opened.destroy();
  await once(response, 'close');
  settle();
  await done;
  expect(host.lines).toEqual([]);
});

it('sends nothing more on a line that was closed', async () => {
  const host = await startHost(async () => {});
  const opened = host.open();
  const [answer] = await once(opened, 'response');
  const [line] = host.lines as [PeerLine];
  const errors: unknown[] = [];
  host.served[0]!.response.on('error', (error) => errors.push(error));
  line.send('"first"');
  line.close();
  line.send('"late"');
  let text = '';
  for await (const chunk of answer) text += String(chunk);
  line.send('"later"');
  await turn();
  expect(text).toBe('"first"\n');
  expect(errors).toEqual([]);
});
