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

/** Where the call goes. */
export interface Destination {
  /** Of Switchboard. */
  readonly origin: string;
  /** Whether callers must show a credential: then the call names where it takes one from, and holds none. */
  readonly authentication: boolean;
}

/** What whoever copies a call has to have for it. */
export const CREDENTIAL_HINT =
  'It needs a key of yours: in the variable SWITCHBOARD_KEY, and for switchboard call in the file switchboard.key.';

/** A tool may be named like an option, so what is no option follows `--`. */
export function asCommand({ origin, authentication }: Destination, { upstream, name }: Tool, args: object): string {
  const address = `${origin}/mcp/${encodeURIComponent(upstream)}`;
  const credential = authentication ? '--token-file switchboard.key ' : '';
  return `switchboard call ${credential}--args ${quoted(JSON.stringify(args))} -- ${quoted(address)} ${quoted(name)}`;
}

export function asCurl({ origin, authentication }: Destination, { upstream, name }: Tool, args: object): string {
  const address = `${origin}/rest/${encodeURIComponent(upstream)}/tools/${encodeURIComponent(name)}`;
  const credential = authentication ? `-H "Authorization: Bearer $SWITCHBOARD_KEY" ` : '';
  return `curl -H 'Content-Type: application/json' ${credential}-d ${quoted(JSON.stringify(args))} ${quoted(address)}`;
}

/** A program with the official SDK. JSON is TypeScript, whatever the texts in it hold. */
export function asSdkCode({ origin, authentication }: Destination, { upstream, name }: Tool, args: object): string {
  const address = `new URL(${JSON.stringify(`${origin}/mcp/${encodeURIComponent(upstream)}`)})`;
  const headers = '{ authorization: `Bearer ${process.env.SWITCHBOARD_KEY}` }';
  const transport = authentication
    ? `new StreamableHTTPClientTransport(${address}, {
  requestInit: { headers: ${headers} },
})`
    : `new StreamableHTTPClientTransport(${address})`;
  return `import { Client, StreamableHTTPClientTransport } from '@modelcontextprotocol/client';

const client = new Client({ name: 'my-program', version: '1.0.0' });
await client.connect(${transport});
const result = await client.callTool({
  name: ${JSON.stringify(name)},
  arguments: ${JSON.stringify(args, undefined, 2).replaceAll('\n', '\n  ')},
});
console.log(result.content);
await client.close();
`;
}
