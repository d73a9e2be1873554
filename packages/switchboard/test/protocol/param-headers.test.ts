import { describe, expect, it } from 'vitest';

import { paramAgrees, paramHeadersOf, paramText } from '../../src/protocol/param-headers.ts';

const schema = {
  type: 'object',
  properties: {
    region: { type: 'string', 'x-mcp-header': 'Region' },
    deep: { type: 'object', properties: { size: { type: 'integer', 'x-mcp-header': 'Size' } } },
    list: { type: 'array', 'x-mcp-header': 'List', items: { type: 'string', 'x-mcp-header': 'Item' } },
    bad: { type: 'string', 'x-mcp-header': 'not a token' },
    dry: { type: 'boolean', 'x-mcp-header': 'Dry' },
  },
};

describe('arguments that headers repeat', () => {
  it('are marked on chains of properties, and nowhere else', () => {
    expect(paramHeadersOf(schema).map(({ header, path }) => [header, path.join('.')])).toEqual([
      ['Mcp-Param-Region', 'region'],
      ['Mcp-Param-Size', 'deep.size'],
      ['Mcp-Param-Dry', 'dry'],
    ]);
    expect(paramHeadersOf({ 'x-mcp-header': 'Root', type: 'string' })).toEqual([]);
    expect(paramHeadersOf(null)).toEqual([]);
  });

  it('are written as their text, or not at all', () => {
    const [region, size, dry] = paramHeadersOf(schema);
    expect(paramText(region!, { region: 'eu' })).toBe('eu');
    expect(paramText(size!, { deep: { size: 42 } })).toBe('42');
    expect(paramText(dry!, { dry: false })).toBe('false');
    for (const args of [undefined, {}, { deep: null }, { deep: { size: 2 ** 60 } }, { deep: { size: {} } }]) {
      expect(paramText(size!, args)).toBeUndefined();
    }
    expect(paramText({ path: ['constructor', 'name'], header: 'X', type: 'string' }, {})).toBeUndefined();
  });

  it('agree when numbers are equal however they are written, and texts only when they are the same', () => {
    const [region, size] = paramHeadersOf(schema);
    expect(paramAgrees(size!, '42.0', '42')).toBe(true);
    expect(paramAgrees(size!, '0x2a', '42')).toBe(false);
    expect(paramAgrees(region!, '1.0', '1')).toBe(false);
  });
});
