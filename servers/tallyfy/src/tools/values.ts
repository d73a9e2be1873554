import type { Thing } from '../api.ts';
import { Failure } from '../failure.ts';
import { listIn } from '../listing.ts';

/** Values of form fields, as a tool was given them: by the id or the label of a field. */
export type Values = Readonly<Record<string, unknown>>;

type Reader = (value: unknown, field: Thing) => unknown;

/** What the API takes for a field of each type; a type that is not here is handed on as it is. */
const READERS: Readonly<Record<string, Reader>> = {
  text,
  textarea: text,
  email: text,
  date: text,
  radio: (value, field) => option(value, field)['text'],
  dropdown: (value, field) => pick(option(value, field)),
  multiselect: (value, field) =>
    (Array.isArray(value) ? value : [value])
      .filter((each) => (each as Thing | null)?.['selected'] !== false)
      .map((each) => ({ ...pick(option(each, field)), selected: true })),
  table: (value, field) => (Array.isArray(value) ? value : wrong(field, 'a list with one entry a column', value)),
  assignees_form: (value, field) =>
    typeof value === 'object' && value !== null && !Array.isArray(value)
      ? value
      : wrong(field, '{users, guests, groups}', value),
};

/**
 * The values in the form in which the API takes them: by the ids of the fields, and options by id. The API ignores what it does
 * not know, so nothing unknown is sent.
 *
 * @param fields the fields that there are
 * @throws {Failure} `invalid` for a key that is no field, and a value that the field does not take; `ambiguous` for a label that
 * several fields have
 */
export function valuesFor(fields: readonly Thing[], values: Values): Thing {
  return Object.fromEntries(
    Object.entries(values).map(([key, value]) => {
      const field = fieldOf(fields, key);
      const read = value === null ? undefined : READERS[String(field['field_type'])];
      return [idOf(field), read === undefined ? value : read(value, field)];
    }),
  );
}

/** A field in a task goes by the id that it has in time, which stays when the template is changed. */
const idOf = ({ timeline_id, id }: Thing): string => String(timeline_id ?? id);

function fieldOf(fields: readonly Thing[], key: string): Thing {
  const byId = fields.find((field) => [field['id'], field['timeline_id']].includes(key));
  if (byId !== undefined) return byId;
  const [found, ...others] = fields.filter(({ label }) => isSame(label, key));
  if (found === undefined) {
    const there = fields.map((field) => `'${String(field['label'])}' (${idOf(field)})`).join(', ');
    throw new Failure('invalid', `There is no form field '${key}' here${there === '' ? '' : `; there are ${there}`}.`);
  }
  if (others.length > 0) {
    const ids = [found, ...others].map(idOf).join(', ');
    throw new Failure('ambiguous', `${others.length + 1} form fields are called '${key}': ${ids}.`);
  }
  return found;
}

function text(value: unknown, field: Thing): string {
  if (typeof value === 'string') return value;
  return typeof value === 'number' || typeof value === 'boolean' ? String(value) : wrong(field, 'a text', value);
}

/** The option that a value means: by its text, its id, or an object with either. */
function option(value: unknown, field: Thing): Thing {
  const wanted = typeof value === 'object' && value !== null ? (value as Thing) : { id: value, text: value };
  const options = listIn(field['options']);
  const found =
    options.find(({ text: one }) => isSame(one, wanted['text'])) ??
    options.find(({ id }) => isId(id) && isId(wanted['id']) && String(id) === String(wanted['id']));
  return found ?? wrong(field, `one of ${options.map((one) => `'${String(one['text'])}'`).join(', ')}`, value);
}

const isId = (value: unknown): value is string | number => typeof value === 'string' || typeof value === 'number';

const pick = ({ id, text: shown }: Thing): Thing => ({ id, text: shown });

const isSame = (one: unknown, other: unknown): boolean =>
  typeof one === 'string' && typeof other === 'string' && one.trim().toLowerCase() === other.trim().toLowerCase();

function wrong(field: Thing, expected: string, value: unknown): never {
  const shown = JSON.stringify(value)?.slice(0, 100);
  throw new Failure('invalid', `The form field '${String(field['label'])}' takes ${expected}, not ${shown}.`);
}
