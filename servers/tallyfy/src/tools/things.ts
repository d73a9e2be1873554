import { z } from 'zod';
import type { Listed, Page, Thing } from '../api.ts';
import type { Answer } from '../tool.ts';

/** The things of Tallyfy's as results have them: the API gives more than is named here, or less, and it is passed on as it is. */
const text: z.ZodOptional<z.ZodNullable<z.ZodString>> = z.string().nullish();
const id = z.union([z.string(), z.number()]).nullish();

export const anything: z.ZodObject = z.looseObject({});
export const task: z.ZodObject = z.looseObject({ id, title: text, status: text, deadline: text, run_id: text });
export const process: z.ZodObject = z.looseObject({ id, name: text, status: text, checklist_id: text });
export const template: z.ZodObject = z.looseObject({ id, title: text, summary: text });
export const step: z.ZodObject = z.looseObject({ id, title: text, summary: text });
export const field: z.ZodObject = z.looseObject({ id, label: text, field_type: text });
export const automation: z.ZodObject = z.looseObject({ id, automated_alias: text });
export const member: z.ZodObject = z.looseObject({ id, email: text, first_name: text, last_name: text, role: text });
export const guest: z.ZodObject = z.looseObject({ email: text, first_name: text, last_name: text });
export const group: z.ZodObject = z.looseObject({ id, name: text, description: text });
export const tag: z.ZodObject = z.looseObject({ id, title: text, color: text });
export const folder: z.ZodObject = z.looseObject({ id, name: text });
export const comment: z.ZodObject = z.looseObject({ id, content: text });

/** The output of a tool that gives a list. */
export function listOf(item: z.ZodObject): z.ZodObject {
  return z.object({
    items: z.array(item),
    page: z.object({
      number: z.int(),
      total: z.int().optional(),
      pages: z.int().optional(),
      next: z.int().optional().describe('The page to ask for next, if there is one'),
    }),
  });
}

/** The output of a tool that ends something. */
export const done: z.ZodObject = z.object({
  done: z.boolean().describe('Whether it was done: not if the user was asked and did not agree'),
  result: z.looseObject({}).optional(),
});

/** A result with one thing, under its name. */
export function one(name: string, thing: Thing): Answer {
  return { text: `The ${name.replaceAll('_', ' ')}${called(thing)}:`, data: { [name]: thing } };
}

/** A result with a list of things. */
export function many(name: string, { items, page }: Listed): Answer {
  return { text: `${count(items.length, name)}${ofAll(page)}.`, data: { items, page } };
}

/** The whole of a list that the API does not page. */
export function whole(name: string, items: Thing[]): Answer {
  return many(name, { items, page: { number: 1, total: items.length, pages: 1 } });
}

/** The result of something that was ended. */
export function ended(text: string, result: Thing): Answer {
  return { text, data: { done: true, ...(Object.keys(result).length > 0 && { result }) } };
}

/** What a thing is called, for a question to the user. */
export function nameOf(thing: Thing, otherwise: string): string {
  const { name, title, label, full_name, email } = thing;
  return (
    [name, title, label, full_name, email].find((text): text is string => typeof text === 'string' && text !== '') ??
    otherwise
  );
}

function called(thing: Thing): string {
  const name = nameOf(thing, '');
  return name && ` '${name}'`;
}

export function count(number: number, name: string): string {
  const plural = /(s|ch)$/.test(name) ? `${name}es` : name.replace(/([^aeiou])y$/, '$1ie') + 's';
  return `${number} ${number === 1 ? name : plural}`;
}

function ofAll({ number, total, pages, next }: Page): string {
  const of = total === undefined ? '' : ` of ${total}`;
  const where = pages === undefined || pages < 2 ? '' : `, page ${number} of ${pages}`;
  return `${of}${where}${next === undefined ? '' : `; the next is page ${next}`}`;
}
