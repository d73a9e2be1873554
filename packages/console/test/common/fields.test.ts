import { describe, expect, it } from 'vitest';
import { fieldsOf, initialEntries, readForm, type Entries, type FormSchema } from '../../src/pages/common/fields.ts';

const schema: FormSchema = {
  required: ['name', 'size', 'tags'],
  properties: {
    name: { type: 'string', title: 'Name', minLength: 2, maxLength: 5 },
    mail: { type: 'string', format: 'email' },
    page: { type: 'string', format: 'uri' },
    day: { type: 'string', format: 'date' },
    moment: { type: 'string', format: 'date-time' },
    code: { type: 'string', pattern: '^[A-Z]{2}$' },
    notes: { type: 'string', maxLength: 2_000 },
    count: { type: 'integer', minimum: 1, maximum: 10, default: 3 },
    share: { type: 'number' },
    sure: { type: 'boolean', default: true },
    size: {
      type: 'string',
      oneOf: [
        { const: 's', title: 'Small' },
        { const: 'l', title: 'Large' },
      ],
    },
    old: { type: 'string', enum: ['a', 'b'], enumNames: ['Alpha', 'Beta'], default: 'b' },
    tags: { type: 'array', items: { type: 'string', enum: ['x', 'y', 'z'] }, minItems: 1, maxItems: 2, default: ['y'] },
  },
};
const fields = fieldsOf(schema);
const good: Entries = { ...initialEntries(fields), name: 'Ada', size: [1] };
const read = (changes: Entries) => readForm(fields, { ...good, ...changes });
const wrong = (changes: Entries) => read(changes).errors;

describe('a choice of several', () => {
  const items = { type: 'string', enum: ['x', 'y'] };
  const content = (property: object, entry: readonly number[], required: readonly string[] = []) => {
    const all = fieldsOf({ properties: { tags: { type: 'array', items, ...property } }, required });
    return readForm(all, { tags: entry });
  };

  it('is left out if it is optional and untouched', () => {
    expect(content({}, [])).toEqual({ content: {} });
    expect(content({ minItems: 1 }, [])).toEqual({ content: {} });
  });

  it('is empty if the person took away what was chosen at first, or if it must be there', () => {
    expect(content({ default: ['x'] }, [])).toEqual({ content: { tags: [] } });
    expect(content({}, [], ['tags'])).toEqual({ content: { tags: [] } });
  });
});

describe('a form from a JSON Schema', () => {
  it('has a control for each kind of property', () => {
    expect(Object.fromEntries(fields.map(({ name, kind, input }) => [name, `${kind} ${input}`]))).toEqual({
      name: 'text text',
      mail: 'text email',
      page: 'text url',
      day: 'text date',
      moment: 'text datetime-local',
      code: 'text text',
      notes: 'longText text',
      count: 'number number',
      share: 'number number',
      sure: 'yesNo text',
      size: 'one text',
      old: 'one text',
      tags: 'many text',
    });
  });

  it('names fields by their title, choices by theirs, and says which are needed', () => {
    expect(fields.find(({ name }) => name === 'name')).toMatchObject({ label: 'Name', required: true });
    expect(fields.find(({ name }) => name === 'mail')).toMatchObject({ label: 'mail', required: false });
    const labels = (name: string) => fields.find((one) => one.name === name)!.choices.map(({ label }) => label);
    expect([labels('size'), labels('old'), labels('tags')]).toEqual([
      ['Small', 'Large'],
      ['Alpha', 'Beta'],
      ['x', 'y', 'z'],
    ]);
  });

  it('begins with the defaults of the schema', () => {
    expect(initialEntries(fields)).toMatchObject({ name: '', count: '3', sure: true, size: [], old: [1], tags: [1] });
  });

  it('answers with values of the right types, and leaves out what is empty', () => {
    expect(read({})).toEqual({ content: { name: 'Ada', count: 3, sure: true, size: 'l', old: 'b', tags: ['y'] } });
    expect(read({ share: '-0.5', sure: false, tags: [0, 2] })).toMatchObject({
      content: { share: -0.5, sure: false, tags: ['x', 'z'] },
    });
  });

  it('reads a moment in the time of the reader and answers in universal time', () => {
    const { content } = read({ moment: '2026-11-21T10:30' }) as { content: Record<string, unknown> };
    expect(content['moment']).toBe(new Date('2026-11-21T10:30').toISOString());
    const again = fieldsOf({
      properties: { moment: { type: 'string', format: 'date-time', default: String(content['moment']) } },
    });
    expect(initialEntries(again)).toEqual({ moment: '2026-11-21T10:30' });
  });

  it('says what is missing', () => {
    expect(wrong({ name: '  ', size: [], tags: [] })).toEqual({
      name: 'This is needed.',
      size: 'Choose one.',
      tags: 'Choose at least 1 item.',
    });
  });

  it.each([
    [{ name: 'A' }, { name: 'Enter at least 2 characters.' }],
    [{ name: 'Adelaide' }, { name: 'Enter at most 5 characters; this has 8.' }],
    [{ mail: 'ada' }, { mail: 'Enter an address such as ada@example.com.' }],
    [{ page: 'example.com' }, { page: 'Enter a complete address, with https:// in front.' }],
    [{ day: '21.11.' }, { day: 'Enter a date as year-month-day.' }],
    [{ code: 'abc' }, { code: 'Enter text of the form ^[A-Z]{2}$.' }],
    [{ count: '2.5' }, { count: 'Enter a whole number.' }],
    [{ count: '0' }, { count: 'Enter 1 or more.' }],
    [{ count: '11' }, { count: 'Enter 10 or less.' }],
    [{ share: 'a lot' }, { share: 'Enter a number.' }],
    [{ tags: [0, 1, 2] }, { tags: 'Choose at most 2 items.' }],
  ])('refuses the entries %o, and says below each what to enter', (changes, errors) => {
    expect(wrong(changes as Entries)).toEqual(errors);
  });

  it('counts characters as people do, not in units of UTF-16', () => {
    expect(wrong({ name: '🙂🙂🙂🙂🙂' })).toBeUndefined();
  });

  it('lets the server check a pattern that JavaScript does not know', () => {
    const odd = fieldsOf({ properties: { a: { type: 'string', pattern: '(?<=' } } });
    expect(readForm(odd, { a: 'x' })).toEqual({ content: { a: 'x' } });
  });
});
