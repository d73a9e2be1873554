import { TZDate } from '@date-fns/tz';
import type { Step } from './template.ts';

export interface DeadlineAdvice {
  deadline: { value: number; unit: 'days' | 'weeks'; option: 'from' };
  reasoning: string;
  /** When that would be, if a process were launched now: after so many working days. */
  due_if_launched_now: string;
  alternatives: { value: number; unit: 'days' | 'weeks'; when: string }[];
}

interface Pace {
  words: RegExp;
  days: number;
  why: string;
}

const WORKING_DAYS_A_WEEK = 5;

/** The first that fits; days are working days. */
const PACES: readonly Pace[] = [
  { words: /\b(legal|contract|compliance|audit|regulat\w*)\b/i, days: 10, why: 'legal work takes two weeks' },
  { words: /\b(approv\w*|review\w*|sign[- ]?off|confirm\w*)\b/i, days: 1, why: 'an approval or a review takes a day' },
  {
    words: /\b(develop\w*|creat\w*|build\w*|design\w*|draft\w*|writ\w+|prepar\w*)\b/i,
    days: 5,
    why: 'making something takes a week',
  },
  {
    words: /\b(coordinat\w*|schedul\w*|arrang\w*|organi[sz]\w*|meet\w*)\b/i,
    days: 3,
    why: 'coordination takes three days',
  },
];
const USUAL: Omit<Pace, 'words'> = { days: 2, why: 'most steps take two days' };

/** Fields that take more than a moment to fill in. */
const COMPLEX_TYPES: readonly string[] = ['table', 'file', 'textarea', 'assignees_form', 'multiselect'];
const MANY_FIELDS = 2;

/** A deadline for a step, by what its words say is done in it. */
export function adviseDeadline(step: Step, now: Date, timeZone: string): DeadlineAdvice {
  const words = `${step.title} ${step.summary}`;
  const pace =
    step.type === 'approval' ? PACES[1]! : (PACES.find(({ words: pattern }) => pattern.test(words)) ?? USUAL);
  const complex = step.fields.filter(({ type }) => COMPLEX_TYPES.includes(type)).length;
  const days = pace.days + (complex > MANY_FIELDS ? 1 : 0);
  const because = complex > MANY_FIELDS ? `, and a day more for ${complex} fields that take time` : '';
  return {
    deadline: { ...spanOf(days), option: 'from' },
    reasoning: `By the words of the step, ${pace.why}${because}.`,
    due_if_launched_now: afterWorkingDays(now, days, timeZone),
    alternatives: [
      { ...spanOf(Math.max(1, Math.floor(days / 2))), when: 'when it is urgent' },
      { ...spanOf(days * 2), when: 'when those who do it have much else to do' },
    ],
  };
}

function spanOf(days: number): { value: number; unit: 'days' | 'weeks' } {
  return days % WORKING_DAYS_A_WEEK === 0
    ? { value: days / WORKING_DAYS_A_WEEK, unit: 'weeks' }
    : { value: days, unit: 'days' };
}

/** The same time of day after so many days from Monday to Friday, in the zone. */
function afterWorkingDays(now: Date, days: number, timeZone: string): string {
  const date = new TZDate(now, timeZone);
  for (let left = days; left > 0;) {
    date.setDate(date.getDate() + 1);
    if (date.getDay() !== 0 && date.getDay() !== 6) left -= 1;
  }
  return date.toISOString();
}
