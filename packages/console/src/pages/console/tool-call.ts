/** A call of a tool, as it is written down elsewhere. */
import type { FormSchema } from '../common/fields.ts';
import type { Tool } from './facts.ts';

/** Whether a form can hold all that the schema allows: texts, figures, yes or no, and choices. */
export function isFlat({ properties = {} }: FormSchema): boolean {
  return Object.values(properties).every(
    ({ type, enum: choices, oneOf, anyOf, items }) =>
      ['string', 'number', 'integer', 'boolean'].includes(type ?? '') ||
      (type === undefined &&
        (choices ?? oneOf ?? anyOf) !== undefined &&
        [...(oneOf ?? anyOf ?? [])].every((one) => 'const' in one)) ||
      (type === 'array' && items?.enum !== undefined),
  );
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

/** @param origin of Switchboard. */
export function asCommand(origin: string, { upstream, name }: Tool, args: object): string {
  return `switchboard call ${quoted(`${origin}/mcp/${encodeURIComponent(upstream)}`)} ${quoted(name)} --args ${quoted(JSON.stringify(args))}`;
}

export function asCurl(origin: string, { upstream, name }: Tool, args: object): string {
  const address = `${origin}/rest/${encodeURIComponent(upstream)}/tools/${encodeURIComponent(name)}`;
  return `curl -H 'Content-Type: application/json' -d ${quoted(JSON.stringify(args))} ${quoted(address)}`;
}
