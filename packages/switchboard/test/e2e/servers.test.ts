import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';

import type { UpstreamOptions } from '../../src/gateway/upstream-options.ts';
import { connectClient, flavours, ways } from '../support/clients.ts';
import type { AnyClient, Flavour, Way } from '../support/clients.ts';
import { expectEmpty, servers, startGateway } from '../support/gateway.ts';
import type { TestGateway } from '../support/gateway.ts';

/** What is asked of each server, the same through every client and every way in. */
const stories = {
  async everything(client: AnyClient) {
    const { tools } = await client.listTools();
    expect(tools.map(({ name }) => name)).toEqual(expect.arrayContaining(['echo', 'get-sum']));
    expect(await client.callTool({ name: 'echo', arguments: { message: 'grüße' } })).toMatchObject({
      content: [{ type: 'text', text: 'Echo: grüße' }],
    });
    const { prompts } = await client.listPrompts();
    expect(prompts.length).toBeGreaterThan(0);
    const { resources } = await client.listResources();
    expect((await client.readResource({ uri: resources[0]!.uri })).contents).toHaveLength(1);
    const progress: number[] = [];
    await client.callTool(
      { name: 'trigger-long-running-operation', arguments: { duration: 0.2, steps: 2 } },
      {
        onprogress: (note: { progress: number }) => progress.push(note.progress),
      },
    );
    expect(progress).toContain(1);
    await expect(client.readResource({ uri: 'demo://nowhere' })).rejects.toThrow();
  },
  async filesystem(client: AnyClient, folder: string) {
    writeFileSync(join(folder, 'hello.txt'), 'hello from a file');
    const result = await client.callTool({ name: 'read_text_file', arguments: { path: join(folder, 'hello.txt') } });
    expect(result.content).toMatchObject([{ type: 'text', text: 'hello from a file' }]);
    const outside = await client.callTool({ name: 'read_text_file', arguments: { path: '/etc/passwd' } });
    expect(outside.isError).toBe(true);
  },
  async memory(client: AnyClient) {
    const entities = [{ name: 'Ada', entityType: 'person', observations: ['counts'] }];
    await client.callTool({ name: 'create_entities', arguments: { entities } });
    const graph = await client.callTool({ name: 'read_graph', arguments: {} });
    expect(JSON.stringify(graph.content)).toContain('Ada');
  },
  async demo(client: AnyClient) {
    expect(await client.callTool({ name: 'add', arguments: { a: 2, b: 3 } })).toMatchObject({
      structuredContent: { sum: 5 },
    });
    const counted = await client.callTool({ name: 'count', arguments: { to: 3, delayMs: 1 } });
    expect(counted.content).toMatchObject([{ text: 'Counted to 3.' }]);
    const { messages } = await client.getPrompt({ name: 'greet', arguments: { name: 'Ada', tone: 'warm' } });
    expect(JSON.stringify(messages)).toContain('Ada');
    const completed = await client.complete({
      ref: { type: 'ref/prompt', name: 'greet' },
      argument: { name: 'tone', value: '' },
    });
    expect(completed.completion.values.length).toBeGreaterThan(1);
    expect((await client.readResource({ uri: 'demo://clock' })).contents).toHaveLength(1);
  },
};

const { everything, demo } = servers;
const memory = (folder: string): UpstreamOptions => ({
  ...servers.memory,
  env: { MEMORY_FILE_PATH: join(folder, 'memory.json') },
});
const filesystem = (folder: string): UpstreamOptions => ({
  command: servers.filesystem.command,
  args: [servers.filesystem.args[0], folder],
});

/** Each client speaks with one server after the other. */
async function useAll(
  test: Pick<TestGateway, 'ws' | 'http'>,
  flavour: Flavour,
  way: Way,
  folder: string,
): Promise<void> {
  for (const [name, story] of Object.entries(stories)) {
    const at = { ws: test.ws.replace('everything', name), http: test.http.replace('everything', name) };
    const client = await connectClient(flavour, way, at);
    await story(client, folder);
    await client.close();
  }
}

/** A modern request over HTTP belongs to no session, so what served it stays for the next one until the idle time. */
const leavesNothing = (flavour: Flavour, way: Way): boolean =>
  way !== 'http' || ['SDK v1', 'SDK v2 legacy'].includes(flavour);

describe.each(ways)('by %s', (way) => {
  it.each(flavours)('%s uses the published servers and the demo, each with processes of its own', async (flavour) => {
    const folder = mkdtempSync(join(tmpdir(), 'switchboard-'));
    const upstreams = { everything, filesystem: filesystem(folder), memory: memory(folder), demo };
    const test = await startGateway({ isolation: 'session', upstreams });
    await useAll(test, flavour, way, folder);
    if (leavesNothing(flavour, way)) await expectEmpty(test);
  });

  it('every client uses the published servers and the demo, all of them the same processes', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'switchboard-'));
    const upstreams = { everything, filesystem: filesystem(folder), memory: memory(folder), demo };
    const test = await startGateway({ isolation: 'shared', upstreams });
    // One after the other: the memory server reads and writes its file without a lock.
    for (const flavour of flavours) await useAll(test, flavour, way, folder);
    await expectEmpty(test, { members: Object.keys(upstreams).length });
    // By connect each of them starts a process of Switchboard for each server.
  }, 90_000);
});

describe.each(ways)('a question by %s', (way) => {
  it.each(['SDK v1', 'SDK v2 legacy', 'SDK v2 modern', 'SDK v2 auto'] as const)(
    'reaches each of several %s clients, and no other',
    async (flavour) => {
      const test = await startGateway({ upstreams: { default: servers.demo } });
      await Promise.all(
        [1, 2, 3].map(async (n) => {
          const asked: string[] = [];
          const onElicit = (message: string): { action: 'accept'; content: Record<string, string> } => {
            asked.push(message);
            return { action: 'accept', content: { answer: `answer ${n}` } };
          };
          const client = await connectClient(flavour, way, test, { onElicit });
          const result = await client.callTool({ name: 'ask', arguments: { question: `question ${n}` } });
          expect(JSON.stringify(result.content)).toContain(`answer ${n}`);
          expect(asked).toEqual([`question ${n}`]);
        }),
      );
    },
  );
});
