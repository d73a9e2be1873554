import { describe, expect, it } from 'vitest';
import type { Finder } from '../src/language/assignment.ts';
import { readSentence } from '../src/language/sentence.ts';
import { isTimeZone, readTimes } from '../src/language/when.ts';
import { fakeApi } from './support/fake-api.ts';
import { inside } from './support/inside.ts';
import { ADA, BEN, BENITA, GROUP, ORGANIZATION } from './support/things.ts';

/** A Saturday; ten o'clock in Berlin. */
const NOW = new Date('2026-11-21T09:00:00Z');

describe('a time in words', () => {
  it.each([
    ['tomorrow', '2026-11-22T08:00:00.000Z'],
    ['tomorrow morning', '2026-11-22T08:00:00.000Z'],
    ['tomorrow afternoon', '2026-11-22T13:00:00.000Z'],
    ['tomorrow evening', '2026-11-22T17:00:00.000Z'],
    ['Monday at noon', '2026-11-23T11:00:00.000Z'],
    ['Monday night', '2026-11-23T19:00:00.000Z'],
    ['next Friday', '2026-11-27T08:00:00.000Z'],
    ['Friday at 5pm', '2026-11-27T16:00:00.000Z'],
    ['Friday 5pm EST', '2026-11-27T22:00:00.000Z'],
    ['in 2 hours', '2026-11-21T11:00:00.000Z'],
    ['in 3 days', '2026-11-24T08:00:00.000Z'],
    ['within 2 weeks', '2026-12-05T08:00:00.000Z'],
    ['2026-12-01', '2026-12-01T08:00:00.000Z'],
    ['2026-12-01 at 17:30', '2026-12-01T16:30:00.000Z'],
    ['December 3rd', '2026-12-03T08:00:00.000Z'],
    ['3 March', '2027-03-03T08:00:00.000Z'],
    ['the end of the day', '2026-11-21T16:00:00.000Z'],
    ['EOD', '2026-11-21T16:00:00.000Z'],
    ['July 1st at noon', '2027-07-01T10:00:00.000Z'],
  ])('is meant in the time zone, at nine if no hour is said: %s', (words, at) => {
    expect(readTimes(`call by ${words}`, NOW, 'Europe/Berlin').map((when) => when.at.toISOString())).toEqual([at]);
  });

  it.each([
    ['UTC', '2026-11-22T09:00:00.000Z'],
    ['America/New_York', '2026-11-22T14:00:00.000Z'],
    ['Asia/Kolkata', '2026-11-22T03:30:00.000Z'],
    ['Pacific/Auckland', '2026-11-21T20:00:00.000Z'],
  ])('is another one elsewhere: tomorrow, in %s', (zone, at) => {
    expect(readTimes('tomorrow', NOW, zone).map((when) => when.at.toISOString())).toEqual([at]);
  });

  it('knows the names of time zones', () => {
    expect(['UTC', 'Europe/Berlin', 'Middle/Earth', ''].map(isTimeZone)).toEqual([true, true, false, false]);
  });

  it('is none where there is none', () => {
    expect(readTimes('Review version 2.3 of the Q3 report', NOW, 'UTC')).toEqual([]);
  });
});

/** Ada, Ben Stone, 王伟, and the group Sales; the lists of an organization are looked into below. */
const find: Finder = (text) => {
  const [name] = /^(?:ada byron|ada|ben stone|ben|王伟)(?![\p{L}'’])/iu.exec(text) ?? [];
  if (name !== undefined) return { kind: 'person', name, length: name.length };
  const [group] = /^(?:the )?sales(?: team)?\b/i.exec(text) ?? [];
  return group === undefined ? undefined : { kind: 'group', name: 'Sales', length: group.length };
};

describe('a sentence', () => {
  const FRIDAY = '2026-11-27T09:00:00.000Z';
  it.each([
    [
      'Create a task called Review the budget with description Check all numbers, assign it to Ada and due by next Friday',
      { title: 'Review the budget', description: 'Check all numbers', people: ['Ada'], at: FRIDAY },
    ],
    ['Create a task to call Acme by next Friday', { title: 'Call Acme', at: FRIDAY }],
    ['task: send the invoice due Friday', { title: 'Send the invoice', at: FRIDAY }],
    [
      'Please add a new to-do: book flights for Ben Stone before Friday',
      { title: 'Book flights', people: ['Ben Stone'], at: FRIDAY },
    ],
    ['Remind Ada and Ben to sign the lease on Friday', { title: 'Sign the lease', people: ['Ada', 'Ben'], at: FRIDAY }],
    ['Remind me to water the plants on Friday', { title: 'Water the plants', people: ['me'], at: FRIDAY }],
    [
      'Prepare the Q3 report for the Sales team and ada@example.com, deadline Friday',
      { title: 'Prepare the Q3 report', groups: ['Sales'], emails: ['ada@example.com'], at: FRIDAY },
    ],
    ['Write "Plan for Monday" for Ada, due Friday', { title: 'Write Plan for Monday', people: ['Ada'], at: FRIDAY }],
    [
      'Create a task called "Meet Ben" with description "Bring the plan, and notes" by Friday',
      { title: 'Meet Ben', description: 'Bring the plan, and notes', at: FRIDAY },
    ],
    [
      'The meeting of yesterday needs minutes by Friday',
      { title: 'The meeting of yesterday needs minutes', at: FRIDAY },
    ],
    ['call acme and assign it to ada by Friday', { title: 'Call acme', people: ['ada'], at: FRIDAY }],
    ['remind ada and 王伟 to sign by Friday', { title: 'Sign', people: ['ada', '王伟'], at: FRIDAY }],
    ['Write the letter for 王伟 by Friday', { title: 'Write the letter', people: ['王伟'], at: FRIDAY }],
    ['Assign it to nobody known, call Acme by Friday', { title: 'Call Acme', people: ['nobody known'], at: FRIDAY }],
    ['Remind Zoe to call on Friday', { title: 'Call', people: ['Zoe'], at: FRIDAY }],
    [
      'Buy presents for Christmas by Friday',
      { title: 'Buy presents for Christmas', unknown: ['Christmas'], at: FRIDAY },
    ],
    ['Book a room for sales meetings by Friday', { title: 'Book a room for sales meetings', at: FRIDAY }],
    [
      "Bake a cake for Ada's birthday, for ben, by Friday",
      { title: "Bake a cake for Ada's birthday", people: ['ben'], unknown: ["Ada's"], at: FRIDAY },
    ],
    ['Have a look at the plan by Friday', { title: 'Have a look at the plan', at: FRIDAY }],
    ['Tidy up', { title: 'Tidy up', at: undefined }],
    ['by Friday', { title: '', at: FRIDAY }],
  ])('gives its title, its time and its people: %s', (text, expected) => {
    const { deadline, description, ...rest } = readSentence(text, NOW, 'UTC', find);
    expect({ ...rest, description, at: deadline?.at.toISOString() }).toEqual({
      people: [],
      groups: [],
      emails: [],
      unknown: [],
      description: undefined,
      ...expected,
    });
  });
});

describe('a task from a sentence', () => {
  const people = { ...ORGANIZATION };
  const create = async (text: string, args: Record<string, unknown> = {}, things: Record<string, unknown> = people) => {
    const fake = await fakeApi(things);
    const { call } = await inside(fake, { now: () => NOW, timeZone: 'Europe/Berlin' });
    const progress: object[] = [];
    const result = await call(
      'create_task_from_text',
      { text, ...args },
      { onprogress: (note) => progress.push(note) },
    );
    return { ...result, progress, sent: fake.asked.find(({ method }) => method === 'POST')?.body };
  };

  it('is created for those whom it names', async () => {
    const { data, sent, progress } = await create(
      'Create a task called Review the budget, assign it to Ada and the Sales team, due by Friday at 5pm',
      { guest_emails: ['guest@example.com'], max_assignable: 3 },
    );
    const owners = { users: [ADA.id], guests: ['guest@example.com'], groups: [GROUP.id] };
    expect(sent).toEqual({
      title: 'Review the budget',
      task_type: 'task',
      owners,
      deadline: '2026-11-27T16:00:00.000Z',
      max_assignable: 3,
    });
    expect(data).toMatchObject({
      task: { id: 'new-1' },
      understood: {
        owners,
        deadline: '2026-11-27T17:00:00.000+01:00',
        time_zone: 'Europe/Berlin',
        deadline_words: 'Friday at 5pm',
      },
    });
    expect(progress).toMatchObject([{ message: 'Looking up who it is for' }, { message: 'Creating the task' }]);
  });

  it.each([
    ['a lower-case name', 'call acme tomorrow, assign it to ben stone', [BEN.id]],
    ['a name after for', 'call acme for benita tomorrow', [BENITA.id]],
    ['a script without case', 'call acme for 王伟 tomorrow', [1004]],
    ['no name', 'buy presents for Christmas tomorrow', [ADA.id]],
  ])('is for whom it is said to be, with %s', async (_case, text, users) => {
    const wang = { id: 1004, email: 'wang@example.com', full_name: '王伟', first_name: '伟', last_name: '王' };
    const { sent } = await create(text, {}, { ...people, users: [ADA, BEN, BENITA, wang] });
    expect(sent).toMatchObject({ owners: { users } });
  });

  it('is not given to oneself where somebody unknown is named', async () => {
    const result = await create('call acme tomorrow, assign it to zoe');
    expect(result).toMatchObject({ code: 'not_found', text: expect.stringContaining("'zoe'") });
    expect(result.sent).toBeUndefined();
  });

  it('says of a name that nobody has that it is part of the title', async () => {
    const { text, data } = await create('Buy presents for Christmas tomorrow');
    expect(text).toContain("Nobody is called 'Christmas', so it is part of the title.");
    expect(data).toMatchObject({ understood: { title: 'Buy presents for Christmas', not_people: ['Christmas'] } });
  });

  it('is only told of with preview', async () => {
    const { data, sent } = await create('Call Acme tomorrow', { preview: true, time_zone: 'UTC' });
    expect(data).toMatchObject({ understood: { title: 'Call Acme', deadline: '2026-11-22T09:00:00.000+00:00' } });
    expect(data).not.toHaveProperty('task');
    expect(sent).toBeUndefined();
  });

  it('is for oneself when it names nobody', async () => {
    expect((await create('Call Acme tomorrow')).sent).toMatchObject({
      owners: { users: [ADA.id], guests: [], groups: [] },
    });
  });

  it.each([
    ['a full name', ['Ben Stone'], [BEN.id]],
    ['a first name, though another begins so', ['Ben'], [BEN.id]],
    ['the beginning of a name', ['Benit'], [BENITA.id]],
    ['any case', ['ADA byron'], [ADA.id]],
    ['the same one twice', ['Ada', 'Ada Byron'], [ADA.id]],
  ])('is given to the people that are named by %s', async (_case, user_names, users) => {
    expect((await create('Call Acme tomorrow', { user_names })).sent).toMatchObject({ owners: { users } });
  });

  it.each([
    ['has no date', 'Call Acme', {}, 'invalid', 'has no date'],
    ['has no title', 'tomorrow', {}, 'invalid', 'no title'],
    ['has a title that is too long', `${'call '.repeat(150)}tomorrow`, {}, 'invalid', '600 is the most'],
    ['is about the past', 'Call Acme on 2026-01-02', {}, 'invalid', 'has passed'],
    ['is about a distant future', 'Call Acme on 2029-01-02', {}, 'invalid', '2 years ahead'],
    ['names somebody unknown', 'Call Acme tomorrow', { user_names: ['Zoe'] }, 'not_found', "'Zoe'"],
    [
      'names somebody who could be two',
      'Call Acme tomorrow',
      { user_names: ['Stone'] },
      'ambiguous',
      'Ben Stone <ben@example.com>, Benita Stone <benita@example.com>',
    ],
    [
      'names an unknown address',
      'Call Acme tomorrow',
      { guest_emails: ['zoe@example.com'] },
      'not_found',
      'zoe@example.com',
    ],
    ['names an unknown group', 'Call Acme tomorrow', { group_names: ['Chefs'] }, 'not_found', "'Chefs'"],
  ])('is not created when it %s', async (_case, text, args, code, message) => {
    const result = await create(text, args);
    expect(result).toMatchObject({ isError: true, code, text: expect.stringContaining(message) });
    expect(result.sent).toBeUndefined();
  });

  it('wants a time zone that there is', async () => {
    const { isError, text } = await create('Call Acme tomorrow', { time_zone: 'Middle/Earth' });
    expect([isError, text]).toEqual([true, expect.stringContaining('not a time zone')]);
  });
});
