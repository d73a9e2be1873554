import { describe, expect, it } from 'vitest';
import { fieldsOf, initialEntries, readForm } from '../../src/pages/common/fields.ts';
import type { Tool } from '../../src/pages/console/facts.ts';
import { asCommand, asCurl, asSdkCode, CREDENTIAL_HINT, isFlat } from '../../src/pages/console/tool-call.ts';

describe('a schema of arguments', () => {
  it.each([
    { properties: null },
    { properties: ['a'] },
    { properties: { a: null } },
    { properties: { a: true } },
    { properties: { a: { oneOf: ['x'] } } },
    { properties: { a: { oneOf: [null] } } },
    { properties: { a: { anyOf: {} } } },
    { properties: { a: { anyOf: [true] } } },
    { properties: { a: { enum: {} } } },
    { properties: { a: { type: ['string', 'null'] } } },
    { properties: { a: { type: { toString: 1 } } } },
    { properties: { a: { type: 'array', items: null } } },
    { properties: { a: { type: 'array', items: { enum: 'x' } } } },
    { required: {} },
    { required: 'a', properties: { a: { type: 'string' } } },
    [[]],
    null,
  ])('%j is odd, so its arguments are written as JSON', (schema) => {
    expect(isFlat(schema)).toBe(false);
  });

  it.each([
    { required: { a: 1 }, properties: { a: { type: 'string' } } },
    {
      properties: { a: { type: 'string', title: 7, description: {}, format: 'toString', pattern: 1, maxLength: '9' } },
    },
    { properties: { a: { type: 'string', anyOf: {}, default: { toString: 1 } } } },
    { properties: { a: { type: 'string', oneOf: ['x'], enum: { length: 1 } } } },
    { properties: { a: { type: 'string', enum: ['x', { toString: 1 }, null], enumNames: { 0: 'X' } } } },
    { properties: { a: { oneOf: [{ const: 'x', title: {} }] } } },
    { properties: { a: { type: 'array', items: ['x'] } } },
    { properties: { a: null } },
    { properties: null },
  ])('%j makes a form that is drawn and read without a fault', (schema) => {
    const fields = fieldsOf(schema);
    for (const { label, description = '', input, choices } of fields) {
      for (const shown of [label, description, input, ...choices.map((choice) => choice.label)])
        expect(shown).toBeTypeOf('string');
    }
    const entries = initialEntries(fields);
    expect(readForm(fields, { ...entries })).toHaveProperty('content');
  });
});

const open = { origin: 'http://127.0.0.1:1', authentication: false };

describe('a call as a command', () => {
  it('gives a tool that is named like an option as a tool', () => {
    const tool = { upstream: 'my files', name: '--config=/tmp/x' } as Tool;
    expect(asCommand(open, tool, { a: "it's" })).toBe(
      `switchboard call --args '{"a":"it'\\''s"}' -- http://127.0.0.1:1/mcp/my%20files --config=/tmp/x`,
    );
  });
});

describe('a call that is copied', () => {
  const tool = { upstream: 'demo', name: 'add' } as Tool;

  it('takes a credential of whoever runs it from where the page says, where one is needed, and holds none', () => {
    const closed = { origin: 'https://mcp.example.com', authentication: true };
    expect(asCommand(closed, tool, {})).toContain(' --token-file switchboard.key --args ');
    expect(asCurl(closed, tool, {})).toContain(' -H "Authorization: Bearer $SWITCHBOARD_KEY" ');
    expect(asSdkCode(closed, tool, {})).toContain('authorization: `Bearer ${process.env.SWITCHBOARD_KEY}`');
    for (const word of ['SWITCHBOARD_KEY', 'switchboard.key']) expect(CREDENTIAL_HINT).toContain(word);
  });

  it('names none where none is needed', () => {
    for (const write of [asCommand, asCurl, asSdkCode])
      expect(write(open, tool, { a: 1 })).not.toMatch(/authorization|token|KEY/i);
  });
});
