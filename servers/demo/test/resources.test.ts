import { describe, expect, it } from 'vitest';
import { flavours, open } from './support/session.ts';

describe.each(flavours)('through %s, the resources of the demo server', { timeout: 20_000 }, (flavour) => {
  it('keeps notes, and reads and completes them as resources', async () => {
    const { call, client } = await open(flavour);
    const read = async (uri: string): Promise<unknown> => (await client.readResource({ uri })).contents;
    const note = { uri: 'demo://note/2', mimeType: 'text/plain', text: 'second' };
    expect(await call('note_add', { text: 'first' })).toMatchObject({ data: { number: 1, text: 'first' } });
    await call('note_add', { text: 'second' });
    expect(await call('note_list')).toMatchObject({
      data: {
        notes: [
          { number: 1, text: 'first' },
          { number: 2, text: 'second' },
        ],
      },
    });
    expect(await read('demo://notes')).toMatchObject([{ text: '1. first\n2. second' }]);
    expect(await read('demo://note/2')).toEqual([note]);
    await expect(read('demo://note/3')).rejects.toThrow('There is no note 3');
    const ref = { type: 'ref/resource', uri: 'demo://note/{number}' } as const;
    const { completion } = await client.complete({ ref, argument: { name: 'number', value: '2' } });
    expect(completion.values).toEqual(['2']);
  });

  it('keeps the notes of one process from those of another', async () => {
    const [one, other] = [await open(flavour), await open(flavour)];
    await one.call('note_add', { text: 'mine' });
    expect(await other.call('note_list')).toMatchObject({ data: { notes: [] } });
  });

  it('refuses a note that is too long with an error result', async () => {
    const { call } = await open(flavour);
    const { isError, text } = await call('note_add', { text: 'é'.repeat(5_001) });
    expect([isError, text]).toEqual([true, expect.stringContaining('10002 bytes')]);
  });

  it('lists its resources and reads the clock', async () => {
    const { client } = await open(flavour);
    const { resources } = await client.listResources();
    const { resourceTemplates } = await client.listResourceTemplates();
    expect(resources.map(({ uri }) => uri)).toEqual(['demo://notes', 'demo://clock']);
    expect(resourceTemplates.map(({ uriTemplate }) => uriTemplate)).toEqual(['demo://note/{number}']);
    const { contents } = await client.readResource({ uri: 'demo://clock' });
    expect(contents).toMatchObject([{ text: expect.stringMatching(/^\d{4}-\d\d-\d\dT.*Z$/) }]);
  });

  it('tells of a new note while the notes are subscribed to', async () => {
    const { call, inbox, subscribe } = await open(flavour);
    const updated = 'notifications/resources/updated';
    const unsubscribe = await subscribe('demo://notes');
    await call('note_add', { text: 'one' });
    expect(await inbox.next(updated)).toMatchObject({ uri: 'demo://notes' });
    await unsubscribe();
    // An update would come before the answer.
    await call('note_add', { text: 'two' });
    expect(inbox.rest(updated)).toEqual([]);
  });

  it('updates the clock again and again while it is subscribed to', async () => {
    const { inbox, subscribe } = await open(flavour);
    await subscribe('demo://clock');
    expect(await inbox.next('notifications/resources/updated')).toMatchObject({ uri: 'demo://clock' });
    expect(await inbox.next('notifications/resources/updated')).toMatchObject({ uri: 'demo://clock' });
  });
});
