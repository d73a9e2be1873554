/** A question of a server, asked field by field on the terminal (MCP, Elicitation, form mode). */
import { isObject } from '../protocol/jsonrpc.ts';
import type { JsonObject } from '../protocol/jsonrpc.ts';
import { cut } from '../util/cut.ts';
import { clean } from './table.ts';

/** Where the person is. */
export interface Prompter {
  say(text: string): void;
  /** @returns the line that was typed; undefined when there is none to come, as after Ctrl-C */
  ask(prompt: string): Promise<string | undefined>;
}

export type Answer = { action: 'accept'; content: Record<string, Value> } | { action: 'decline' | 'cancel' };
type Value = string | number | boolean | string[];

/** What a field takes. @returns the value, or what is wrong with the text */
type Reader = (text: string) => { value: Value } | { wrong: string };

interface Field {
  name: string;
  label: string;
  /** What may be typed, for the prompt. */
  hint: string;
  isRequired: boolean;
  fallback: Value | undefined;
  choices: readonly Choice[];
  read: Reader;
}

interface Choice {
  value: string;
  title: string;
}

/** Words of a server stand on the terminal no longer than this. */
const MAX_TEXT = 2000;

/** Asks whether to answer at all, and then for each field until it is right. */
export async function askForm(params: JsonObject, { say, ask }: Prompter): Promise<Answer> {
  say(`The server asks: ${words(params['message'])}`);
  const fields = fieldsOf(params['requestedSchema']);
  if (fields === undefined) {
    say('It asks for something that cannot be typed here, so it is declined.');
    return { action: 'decline' };
  }
  for (;;) {
    const word = (await ask('Answer it? [y]es, [n]o or [c]ancel: '))?.trim().toLowerCase();
    if (word === undefined || word === 'c' || word === 'cancel') return { action: 'cancel' };
    if (word === 'n' || word === 'no') return { action: 'decline' };
    if (word === 'y' || word === 'yes') break;
  }
  const content: [string, Value][] = [];
  for (const field of fields) {
    const value = await askField(field, { say, ask });
    if (value === 'cancelled') return { action: 'cancel' };
    if (value !== undefined) content.push([field.name, value.value]);
  }
  // A field may be called `__proto__`.
  return { action: 'accept', content: Object.fromEntries(content) };
}

async function askField(
  { label, hint, isRequired, fallback, choices, read }: Field,
  { say, ask }: Prompter,
): Promise<{ value: Value } | 'cancelled' | undefined> {
  for (const [at, { title }] of choices.entries()) say(`  ${at + 1}. ${title}`);
  const empty = fallback !== undefined ? `, Enter for ${words(fallback)}` : isRequired ? '' : ', Enter to leave it out';
  for (;;) {
    const text = (await ask(`${label} (${hint}${empty}): `))?.trim();
    if (text === undefined) return 'cancelled';
    if (text === '' && fallback !== undefined) return { value: fallback };
    if (text === '' && !isRequired) return undefined;
    const found = read(text);
    if ('value' in found) return found;
    say(`  ${found.wrong}`);
  }
}

/** @returns nothing where a field is of a kind that MCP does not have */
function fieldsOf(schema: unknown): Field[] | undefined {
  const properties = isObject(schema) && isObject(schema['properties']) ? schema['properties'] : {};
  const required = isObject(schema) && Array.isArray(schema['required']) ? schema['required'] : [];
  const fields = Object.entries(properties).map(([name, each]): Field | undefined => {
    const kind = isObject(each) ? kindOf(each) : undefined;
    if (kind === undefined || !isObject(each)) return undefined;
    const { title, description, default: fallback } = each;
    const label = typeof title === 'string' && title !== '' ? title : name;
    const about = typeof description === 'string' && description !== '' ? `: ${description}` : '';
    const isValue = ['string', 'number', 'boolean'].includes(typeof fallback) || isTexts(fallback);
    return {
      name,
      label: words(`${label}${about}`),
      isRequired: required.includes(name),
      fallback: isValue ? (fallback as Value) : undefined,
      ...kind,
    };
  });
  return fields.every((field) => field !== undefined) ? fields : undefined;
}

function kindOf(schema: JsonObject): Pick<Field, 'hint' | 'read' | 'choices'> | undefined {
  const choices = choicesOf(schema);
  if (schema['type'] === 'array') {
    const several = isObject(schema['items']) ? choicesOf(schema['items']) : [];
    const hint = `numbers of those you want, with commas`;
    return several.length === 0 ? undefined : { hint, choices: several, read: readSeveral(schema, several) };
  }
  if (choices.length > 0) return { hint: `1 to ${choices.length}`, choices, read: (text) => readChoice(text, choices) };
  if (schema['type'] === 'boolean') return { hint: 'yes or no', choices, read: readBoolean };
  if (schema['type'] === 'number' || schema['type'] === 'integer') {
    return { hint: schema['type'] === 'integer' ? 'whole number' : 'number', choices, read: readNumber(schema) };
  }
  if (schema['type'] !== 'string') return undefined;
  const { format } = schema;
  return { hint: typeof format === 'string' ? words(format) : 'text', choices, read: readText(schema) };
}

/** Those of `enum` with `enumNames`, or of `oneOf` or `anyOf` with titles. */
function choicesOf({ enum: values, enumNames: names, oneOf, anyOf }: JsonObject): Choice[] {
  if (isTexts(values)) {
    return values.map((value, at) => {
      const name: unknown = Array.isArray(names) ? names[at] : undefined;
      return { value, title: words(typeof name === 'string' ? name : value) };
    });
  }
  const titled = Array.isArray(oneOf) ? oneOf : Array.isArray(anyOf) ? anyOf : [];
  return titled.flatMap((each: unknown) => {
    if (!isObject(each) || typeof each['const'] !== 'string') return [];
    const { const: value, title } = each;
    return [{ value, title: words(typeof title === 'string' ? title : value) }];
  });
}

function readChoice(text: string, choices: readonly Choice[]): { value: string } | { wrong: string } {
  const found = choices[Number(text) - 1] ?? choices.find(({ value, title }) => text === value || text === title);
  return found === undefined ? { wrong: `expected a number from 1 to ${choices.length}` } : { value: found.value };
}

const readSeveral =
  ({ minItems, maxItems }: JsonObject, choices: readonly Choice[]): Reader =>
  (text) => {
    const parts = text.split(',').flatMap((part) => (part.trim() === '' ? [] : [readChoice(part.trim(), choices)]));
    const values = [...new Set(parts.flatMap((part) => ('value' in part ? [part.value] : [])))];
    const wrong = parts.find((part) => 'wrong' in part);
    return wrong ?? within(values.length, minItems, maxItems, 'choices') ?? { value: values };
  };

function readBoolean(text: string): { value: boolean } | { wrong: string } {
  if (/^(y|yes|true)$/i.test(text)) return { value: true };
  return /^(n|no|false)$/i.test(text) ? { value: false } : { wrong: 'expected yes or no' };
}

const readNumber =
  ({ type, minimum, maximum }: JsonObject): Reader =>
  (text) => {
    const value = Number(text);
    if (text === '' || !Number.isFinite(value)) return { wrong: 'expected a number' };
    if (type === 'integer' && !Number.isInteger(value)) return { wrong: 'expected a whole number' };
    return within(value, minimum, maximum, '') ?? { value };
  };

const readText =
  ({ minLength, maxLength }: JsonObject): Reader =>
  (text) =>
    text === ''
      ? { wrong: 'expected a text' }
      : (within(text.length, minLength, maxLength, 'characters') ?? { value: text });

function within(amount: number, least: unknown, most: unknown, unit: string): { wrong: string } | undefined {
  const of = unit === '' ? '' : ` ${unit}`;
  if (typeof least === 'number' && amount < least) return { wrong: `expected at least ${least}${of}` };
  if (typeof most === 'number' && amount > most) return { wrong: `expected at most ${most}${of}` };
  return undefined;
}

const isTexts = (value: unknown): value is string[] =>
  Array.isArray(value) && value.every((each) => typeof each === 'string');

/** What a server says, as one line that steers nothing. */
function words(value: unknown): string {
  const text = typeof value === 'string' ? value : (JSON.stringify(value) ?? '');
  return clean(cut(text, MAX_TEXT)).replaceAll(/\s+/g, ' ');
}
