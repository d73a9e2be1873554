/** Real servers behind one address, used by real clients of both SDKs. */
import { describe, expect, it } from 'vitest';

import { connectClient, flavours } from '../support/clients.ts';
import { expectEmpty, servers, startGateway } from '../support/gateway.ts';

describe.each(['websocket', 'http'] as const)('the demo and the everything server as one, by %s', (way) => {
  it.each(flavours)('serve tools, questions, progress, prompts and completions to the client %s', async (flavour) => {
    const upstreams = { demo: servers.demo, all: servers.everything };
    const test = await startGateway({ upstreams, isolation: 'session' });
    const questions: string[] = [];
    const client = await connectClient(flavour, way, test.all, {
      onElicit: (message) => (questions.push(message), { action: 'accept', content: { answer: 'blue' } }),
    });
    expect(client.getServerVersion()).toMatchObject({ name: 'mcp-switchboard' });

    const { tools } = await client.listTools();
    const names = tools.map(({ name }) => name);
    expect(names).toEqual(expect.arrayContaining(['demo__echo', 'all__echo', 'demo__add', 'all__get-sum']));
    expect(await client.callTool({ name: 'all__echo', arguments: { message: 'grüße' } })).toMatchObject({
      content: [{ text: 'Echo: grüße' }],
    });
    expect(await client.callTool({ name: 'demo__add', arguments: { a: 2, b: 3 } })).toMatchObject({
      structuredContent: { sum: 5 },
    });
    await client.callTool({ name: 'demo__ask', arguments: { question: 'Which colour?' } });
    expect(questions).toEqual([expect.stringContaining('Which colour?')]);

    const progress: number[] = [];
    const onprogress = (note: { progress: number }): number => progress.push(note.progress);
    await client.callTool(
      { name: 'all__trigger-long-running-operation', arguments: { duration: 0.1, steps: 2 } },
      { onprogress },
    );
    expect(progress).toContain(1);

    const { prompts } = await client.listPrompts();
    expect(prompts.map(({ name }) => name)).toEqual(expect.arrayContaining(['demo__greet', 'all__simple-prompt']));
    const { messages } = await client.getPrompt({ name: 'demo__greet', arguments: { name: 'Ada', tone: 'warm' } });
    expect(JSON.stringify(messages)).toContain('Ada');
    for (const ref of [
      { type: 'ref/prompt', name: 'demo__greet' },
      { type: 'ref/prompt', name: 'all__completable-prompt' },
      { type: 'ref/resource', uri: 'demo://resource/dynamic/text/{resourceId}' },
    ] as const) {
      const name = ref.type === 'ref/resource' ? 'resourceId' : ref.name === 'demo__greet' ? 'tone' : 'department';
      const { completion } = await client.complete({
        ref,
        argument: { name, value: ref.type === 'ref/resource' ? '1' : '' },
      });
      expect(completion.values.length, JSON.stringify(ref)).toBeGreaterThan(0);
    }

    const { resources } = await client.listResources();
    const uris = resources.map(({ uri }) => uri);
    for (const uri of [
      'demo://clock',
      uris.find((each) => each.includes('static/document'))!,
      'demo://resource/dynamic/text/7',
    ]) {
      expect((await client.readResource({ uri })).contents, uri).toHaveLength(1);
    }
    await expect(client.readResource({ uri: 'demo://nowhere' })).rejects.toThrow();
    await client.close();
    if (way === 'websocket') await expectEmpty(test);
  });
});
