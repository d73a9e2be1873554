/** A call of a tool, as it is written down elsewhere. */
import { isRecord, propertyOf } from '../common/fields.ts';
import type { Tool } from './facts.ts';

/** Whether a form can hold all that the schema allows: texts, figures, yes or no, and choices. What is odd is written as JSON. */
export function isFlat(schema: unknown): boolean {
  if (!isRecord(schema)) return false;
  const { properties = {}, required = [] } = schema;
  return isRecord(properties) && Array.isArray(required) && Object.values(properties).every(isFlatProperty);
}

function isFlatProperty(given: unknown): boolean {
  if (!isRecord(given)) return false;
  const { enum: choices, oneOf, anyOf, items } = propertyOf(given);
  const { type } = given;
  if (type === undefined) return (choices ?? oneOf ?? anyOf) !== undefined;
  if (typeof type !== 'string') return false;
  if (type === 'array') return items?.enum !== undefined;
  return ['string', 'number', 'integer', 'boolean'].includes(type);
}

/** @param text as typed. */
export function argumentsOf(text: string): { args?: Record<string, unknown>; wrong?: string } {
  let value: unknown;
  try {
    value = JSON.parse(text.trim() === '' ? '{}' : text);
  } catch (error) {
    return { wrong: (error as Error).message };
  }
  if (typeof value === 'object' && value !== null && !Array.isArray(value))
    return { args: value as Record<string, unknown> };
  return { wrong: 'Expected an object, such as {"text": "hello"}.' };
}

/** For a shell of POSIX, whatever the text holds. */
const quoted = (text: string): string => (/^[\w@%+=:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`);

/** A tool may be named like an option, so what is no option follows `--`. @param origin of Switchboard. */
export function asCommand(origin: string, { upstream, name }: Tool, args: object): string {
  const address = `${origin}/mcp/${encodeURIComponent(upstream)}`;
  return `switchboard call --args ${quoted(JSON.stringify(args))} -- ${quoted(address)} ${quoted(name)}`;
}

export function asCurl(origin: string, { upstream, name }: Tool, args: object): string {
  const address = `${origin}/rest/${encodeURIComponent(upstream)}/tools/${encodeURIComponent(name)}`;
  return `curl -H 'Content-Type: application/json' -d ${quoted(JSON.stringify(args))} ${quoted(address)}`;
}

/** A program with the official SDK. JSON is TypeScript, whatever the texts in it hold. */
export function asSdkCode(origin: string, { upstream, name }: Tool, args: object): string {
  const address = `${origin}/mcp/${encodeURIComponent(upstream)}`;
  return `import { Client, StreamableHTTPClientTransport } from '@modelcontextprotocol/client';

const client = new Client({ name: 'my-program', version: '1.0.0' });
await client.connect(new StreamableHTTPClientTransport(new URL(${JSON.stringify(address)})));
const result = await client.callTool({
  name: ${JSON.stringify(name)},
  arguments: ${JSON.stringify(args, undefined, 2).replaceAll('\n', '\n  ')},
});
console.log(result.content);
await client.close();
`;
}
