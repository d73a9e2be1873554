import { describe, expect, it } from 'vitest';
import { Failure } from '../src/failure.ts';
import { valuesFor } from '../src/tools/values.ts';
import { fakeApi } from './support/fake-api.ts';
import { inside } from './support/inside.ts';
import { ORGANIZATION, TEMPLATE } from './support/things.ts';

const OPTIONS = [
  { id: 1, text: 'Lease', value: null },
  { id: 2, text: 'Loan', value: null },
];
const FIELDS = [
  { id: 'f-text', label: 'Customer', field_type: 'text' },
  { id: 'f-mail', timeline_id: 't-mail', label: 'Contact', field_type: 'email' },
  { id: 'f-radio', label: 'Size', field_type: 'radio', options: OPTIONS },
  { id: 'f-drop', label: 'Kind', field_type: 'dropdown', options: { data: OPTIONS } },
  { id: 'f-many', label: 'Kinds', field_type: 'multiselect', options: OPTIONS },
  { id: 'f-table', label: 'Items', field_type: 'table' },
  { id: 'f-who', label: 'People', field_type: 'assignees_form' },
  { id: 'f-new', label: 'New', field_type: 'hologram' },
  { id: 'f-one', label: 'Twice', field_type: 'text' },
  { id: 'f-two', label: 'Twice', field_type: 'text' },
];

describe('values of form fields', () => {
  it.each([
    [{ 'f-text': 'Beta' }, { 'f-text': 'Beta' }],
    [{ customer: 7 }, { 'f-text': '7' }],
    [{ Contact: 'a@example.com' }, { 't-mail': 'a@example.com' }],
    [{ 'f-mail': 'a@example.com' }, { 't-mail': 'a@example.com' }],
    [{ Size: 'lease' }, { 'f-radio': 'Lease' }],
    [{ Kind: 'Loan' }, { 'f-drop': { id: 2, text: 'Loan' } }],
    [{ Kind: 2 }, { 'f-drop': { id: 2, text: 'Loan' } }],
    [{ Kind: { id: '1' } }, { 'f-drop': { id: 1, text: 'Lease' } }],
    [
      { Kinds: ['Lease', { id: 2 }] },
      {
        'f-many': [
          { id: 1, text: 'Lease', selected: true },
          { id: 2, text: 'Loan', selected: true },
        ],
      },
    ],
    [{ Kinds: [{ id: 1, selected: false }, 'loan'] }, { 'f-many': [{ id: 2, text: 'Loan', selected: true }] }],
    [{ Items: ['a', 'b'] }, { 'f-table': ['a', 'b'] }],
    [{ People: { users: [1] } }, { 'f-who': { users: [1] } }],
    [{ New: { any: 'thing' } }, { 'f-new': { any: 'thing' } }],
    [{ Kind: null }, { 'f-drop': null }],
  ])('are found by id or label, and written as Tallyfy takes them: %j', (given, written) => {
    expect(valuesFor(FIELDS, given)).toEqual(written);
  });

  it.each([
    [{ Custmer: 'x' }, 'invalid', "There is no form field 'Custmer' here; there are 'Customer' (f-text)"],
    [{ Kind: 'Gift' }, 'invalid', "'Kind' takes one of 'Lease', 'Loan', not \"Gift\""],
    [{ Customer: ['x'] }, 'invalid', '\'Customer\' takes a text, not ["x"]'],
    [{ Items: 'x' }, 'invalid', "'Items' takes a list"],
    [{ Twice: 'x' }, 'ambiguous', "2 form fields are called 'Twice': f-one, f-two"],
  ])('are refused with what there is: %j', (given, code, message) => {
    const attempt = (): unknown => valuesFor(FIELDS, given);
    expect(attempt).toThrow(Failure);
    expect(attempt).toThrow(expect.objectContaining({ code, message: expect.stringContaining(message) }));
  });

  it('that are no field launch no process', async () => {
    const fake = await fakeApi(ORGANIZATION);
    const { call } = await inside(fake);
    const result = await call('launch_process', { template_id: TEMPLATE.id, prerun: { Client: 'Beta' } });
    expect(result).toMatchObject({ isError: true, code: 'invalid', text: expect.stringContaining("'Customer'") });
    expect(fake.asked.filter(({ method }) => method === 'POST')).toEqual([]);
  });
});
