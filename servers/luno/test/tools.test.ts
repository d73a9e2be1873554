import { describe, expect, it } from 'vitest';
import { FakeLuno } from './support/fake-luno.ts';
import { flavours, open } from './support/session.ts';

const READS = [
  'list_markets',
  'get_ticker',
  'list_tickers',
  'get_order_book',
  'list_trades',
  'list_candles',
  'get_price_range',
  'get_balances',
  'list_transactions',
  'list_pending_transactions',
  'get_fees',
  'list_own_trades',
  'list_orders',
  'get_order',
];
const CHANGES = ['place_limit_order', 'place_stop_order', 'place_market_order', 'cancel_order'];

describe.each(flavours)('through %s, the Luno server', (flavour) => {
  it('lists exactly these tools, each with title, description, annotations and both schemas', async () => {
    const { client } = await open(await FakeLuno.start(), { flavour });
    const { tools } = await client.listTools();
    expect(tools.map(({ name }) => name)).toEqual([...READS, ...CHANGES]);
    for (const { name, ...tool } of tools) {
      expect(tool).toMatchObject({
        title: expect.any(String),
        description: expect.any(String),
        annotations: READS.includes(name)
          ? { readOnlyHint: true, openWorldHint: true }
          : { readOnlyHint: false, destructiveHint: true, openWorldHint: true },
        inputSchema: { type: 'object' },
        outputSchema: { type: 'object' },
      });
    }
    expect(tools.find(({ name }) => name === 'cancel_order')?.annotations?.idempotentHint).toBe(true);
  });

  it('has no tool that changes anything with --read-only, and says so', async () => {
    const { client, instructions } = await open(await FakeLuno.start(), { flavour, flags: ['--read-only'] });
    const { tools } = await client.listTools();
    expect(tools.map(({ name }) => name)).toEqual(READS);
    expect(instructions).toContain('--read-only');
    const { prompts } = await client.listPrompts();
    expect(prompts.map(({ name }) => name)).toEqual(['market_brief', 'review_account']);
  });

  it('completes the pair of prompts and resources, in whatever spelling', async () => {
    const { client } = await open(await FakeLuno.start(), { flavour });
    const argument = { name: 'pair', value: 'btc-' };
    const prompt = { type: 'ref/prompt', name: 'market_brief' } as const;
    const resource = { type: 'ref/resource', uri: 'luno://ticker/{pair}' } as const;
    expect((await client.complete({ ref: prompt, argument })).completion.values).toEqual(['XBTZAR']);
    expect(
      (await client.complete({ ref: resource, argument: { name: 'pair', value: 'e' } })).completion.values,
    ).toEqual(['ETHZAR', 'ETHXBT']);
  });

  it('gives prompts that name the market', async () => {
    const { client } = await open(await FakeLuno.start(), { flavour });
    const { messages } = await client.getPrompt({ name: 'market_brief', arguments: { pair: 'ETHZAR' } });
    expect(JSON.stringify(messages)).toContain('ETHZAR');
  });
});
