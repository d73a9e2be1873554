/** The form that a JSON Schema of an MCP elicitation describes: flat, of strings, numbers, booleans and choices. */

/** The part of JSON Schema that the specification allows in a form. */
export interface PropertySchema {
  readonly type?: string;
  readonly title?: string;
  readonly description?: string;
  readonly default?: unknown;
  readonly enum?: readonly unknown[];
  readonly enumNames?: readonly string[];
  readonly oneOf?: readonly { readonly const: unknown; readonly title?: string }[];
  readonly anyOf?: readonly { readonly const: unknown; readonly title?: string }[];
  readonly items?: PropertySchema;
  readonly minItems?: number;
  readonly maxItems?: number;
  readonly minLength?: number;
  readonly maxLength?: number;
  readonly pattern?: string;
  readonly format?: string;
  readonly minimum?: number;
  readonly maximum?: number;
}

/** As a server sent it: nothing in it needs to have the type that it should have. */
export interface FormSchema {
  readonly properties?: unknown;
  readonly required?: unknown;
}

export interface Choice {
  readonly value: unknown;
  readonly label: string;
}

export interface Field {
  readonly name: string;
  readonly label: string;
  readonly description: string | undefined;
  readonly required: boolean;
  readonly kind: 'text' | 'longText' | 'number' | 'yesNo' | 'one' | 'many';
  /** The type of the HTML input, for what is typed. */
  readonly input: 'text' | 'email' | 'url' | 'date' | 'datetime-local' | 'number';
  readonly choices: readonly Choice[];
  readonly schema: PropertySchema;
}

/** What a field holds: text as typed, a box, or the indexes of what is chosen. */
export type Entry = string | boolean | readonly number[];
export type Entries = Readonly<Record<string, Entry>>;

/** Either what to answer, or what is wrong with which field. */
export type Outcome =
  | { readonly content: Record<string, unknown>; readonly errors?: undefined }
  | { readonly errors: Readonly<Record<string, string>> };

const INPUTS: Readonly<Record<string, Field['input']>> = {
  email: 'email',
  uri: 'url',
  date: 'date',
  'date-time': 'datetime-local',
};

/** Texts that may be longer than this get several lines. */
const LONG_TEXT = 200;

export const isRecord = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
const isText = (value: unknown): boolean => typeof value === 'string';
const isFigure = (value: unknown): boolean => typeof value === 'number';
const isTitled = (value: unknown): boolean =>
  Array.isArray(value) &&
  value.every((one) => isRecord(one) && 'const' in one && ['string', 'undefined'].includes(typeof one['title']));

/** What may be used of a property as a server sent it, by the type that it has to have. */
const PARTS: Readonly<Record<keyof PropertySchema, (value: unknown) => boolean>> = {
  type: isText,
  title: isText,
  description: isText,
  default: () => true,
  enum: Array.isArray,
  enumNames: (value) => Array.isArray(value) && value.every(isText),
  oneOf: isTitled,
  anyOf: isTitled,
  items: isRecord,
  minItems: isFigure,
  maxItems: isFigure,
  minLength: isFigure,
  maxLength: isFigure,
  pattern: isText,
  format: isText,
  minimum: isFigure,
  maximum: isFigure,
};

/** A property without what has another type than it should have. */
export function propertyOf(given: unknown): PropertySchema {
  if (!isRecord(given)) return {};
  const parts = Object.entries(given).filter(
    ([name, value]) => Object.hasOwn(PARTS, name) && PARTS[name as keyof PropertySchema](value),
  );
  const property = Object.fromEntries(parts) as PropertySchema;
  return property.items === undefined ? property : { ...property, items: propertyOf(property.items) };
}

const labelOf = (value: unknown): string => (typeof value === 'string' ? value : JSON.stringify(value));

function choicesOf(schema: PropertySchema): Choice[] {
  const titled = schema.oneOf ?? schema.anyOf;
  if (titled !== undefined) return titled.map((one) => ({ value: one.const, label: one.title ?? labelOf(one.const) }));
  return (schema.enum ?? []).map((value, index) => ({ value, label: schema.enumNames?.[index] ?? labelOf(value) }));
}

function kindOf(schema: PropertySchema, choices: readonly Choice[]): Field['kind'] {
  if (schema.type === 'array') return 'many';
  if (choices.length > 0) return 'one';
  if (schema.type === 'boolean') return 'yesNo';
  if (schema.type === 'number' || schema.type === 'integer') return 'number';
  return schema.format === undefined && (schema.maxLength ?? 0) > LONG_TEXT ? 'longText' : 'text';
}

const inputOf = ({ format = '' }: PropertySchema): Field['input'] =>
  (Object.hasOwn(INPUTS, format) ? INPUTS[format] : undefined) ?? 'text';

export function fieldsOf({ properties, required }: FormSchema): Field[] {
  return Object.entries(isRecord(properties) ? properties : {}).map(([name, given]) => {
    const property = propertyOf(given);
    const choices = choicesOf(property.type === 'array' ? (property.items ?? {}) : property);
    const kind = kindOf(property, choices);
    return {
      name,
      label: property.title ?? name,
      description: property.description,
      required: Array.isArray(required) && required.includes(name),
      kind,
      input: kind === 'number' ? 'number' : inputOf(property),
      choices,
      schema: property,
    };
  });
}

const chosen = (choices: readonly Choice[], values: readonly unknown[]): number[] =>
  choices.flatMap(({ value }, index) => (values.includes(value) ? [index] : []));

/** What `datetime-local` shows of a moment: in the reader's own time, to the minute. */
function localTime(moment: string): string {
  const date = new Date(moment);
  if (Number.isNaN(date.getTime())) return '';
  return new Date(date.getTime() - date.getTimezoneOffset() * 60_000).toISOString().slice(0, 16);
}

function initialOf({ kind, input, choices, schema }: Field): Entry {
  const given = schema.default;
  if (kind === 'yesNo') return given === true;
  if (kind === 'one') return chosen(choices, [given]);
  if (kind === 'many') return chosen(choices, Array.isArray(given) ? given : []);
  if (typeof given !== 'string' && typeof given !== 'number') return '';
  return input === 'datetime-local' ? localTime(String(given)) : String(given);
}

/** What the form shows at first: the defaults of the schema. */
export function initialEntries(fields: readonly Field[]): Entries {
  return Object.fromEntries(fields.map((field) => [field.name, initialOf(field)]));
}

const items = (count: number): string => (count === 1 ? '1 item' : `${count} items`);
const characters = (count: number): string => (count === 1 ? '1 character' : `${count} characters`);

function wrongText(text: string, { minLength, maxLength, pattern, format }: PropertySchema): string | undefined {
  // JSON Schema counts code points.
  const { length } = Array.from(text);
  if (minLength !== undefined && length < minLength) return `Enter at least ${characters(minLength)}.`;
  if (maxLength !== undefined && length > maxLength)
    return `Enter at most ${characters(maxLength)}; this has ${length}.`;
  if (format === 'email' && !/^[^\s@]+@[^\s@]+\.[^\s@]+$/.test(text))
    return 'Enter an address such as ada@example.com.';
  if (format === 'uri' && !URL.canParse(text)) return 'Enter a complete address, with https:// in front.';
  if (format === 'date' && !/^\d{4}-\d{2}-\d{2}$/.test(text)) return 'Enter a date as year-month-day.';
  if (pattern !== undefined && !matches(pattern, text)) return `Enter text of the form ${pattern}.`;
  return undefined;
}

/** A pattern that is none, or not one of JavaScript, holds nothing up: the server checks again. */
function matches(pattern: string, text: string): boolean {
  try {
    return new RegExp(pattern, 'u').test(text);
  } catch {
    return true;
  }
}

function wrongNumber(value: number, { type, minimum, maximum }: PropertySchema): string | undefined {
  if (!Number.isFinite(value)) return 'Enter a number.';
  if (type === 'integer' && !Number.isInteger(value)) return 'Enter a whole number.';
  if (minimum !== undefined && value < minimum) return `Enter ${minimum} or more.`;
  if (maximum !== undefined && value > maximum) return `Enter ${maximum} or less.`;
  return undefined;
}

function wrongCount(count: number, required: boolean, { minItems, maxItems }: PropertySchema): string | undefined {
  if (minItems !== undefined && count < minItems && (required || count > 0))
    return `Choose at least ${items(minItems)}.`;
  if (maxItems !== undefined && count > maxItems) return `Choose at most ${items(maxItems)}.`;
  return undefined;
}

type Read = { readonly value?: unknown; readonly wrong?: string | undefined };

function readField({ kind, input, choices, required, schema }: Field, entry: Entry): Read {
  if (kind === 'yesNo') return { value: entry === true };
  if (typeof entry === 'object') {
    const values = entry.map((index) => choices[index]?.value);
    if (kind === 'one') return values.length > 0 || !required ? { value: values[0] } : { wrong: 'Choose one.' };
    // Without a choice there is no answer, unless the person took away what was chosen at first.
    const isUntouched =
      values.length === 0 && !required && !(Array.isArray(schema.default) && schema.default.length > 0);
    return isUntouched ? {} : { value: values, wrong: wrongCount(values.length, required, schema) };
  }
  const text = String(entry);
  // Spaces alone are no answer, but the spaces of an answer are its own.
  if (text.trim() === '') return required ? { wrong: 'This is needed.' } : {};
  if (kind === 'number') return { value: Number(text), wrong: wrongNumber(Number(text), schema) };
  if (input !== 'datetime-local') return { value: text, wrong: wrongText(text, schema) };
  const moment = new Date(text);
  return Number.isNaN(moment.getTime()) ? { wrong: 'Enter a date and a time.' } : { value: moment.toISOString() };
}

/** Reads the form. What was left empty and is not required is left out. */
export function readForm(fields: readonly Field[], entries: Entries): Outcome {
  const content: Record<string, unknown> = {};
  const errors: Record<string, string> = {};
  for (const field of fields) {
    const { value, wrong } = readField(field, entries[field.name] ?? '');
    if (wrong !== undefined) errors[field.name] = wrong;
    else if (value !== undefined) content[field.name] = value;
  }
  return Object.keys(errors).length > 0 ? { errors } : { content };
}
