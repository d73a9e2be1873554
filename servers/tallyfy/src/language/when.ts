import { TZDate, tzOffset } from '@date-fns/tz';
import { parse, type ParsedResult } from 'chrono-node';

/** A time in a text, and the words it was given in. */
export interface When {
  at: Date;
  words: string;
  /** Where the words are in the text. */
  index: number;
}

/** What an hour is if a day is named without one. */
const USUAL_HOUR = 9;

/** What the parts of a day are. Each is looked for in the words of the time alone. */
const HOURS: readonly (readonly [RegExp, number])[] = [
  [/\bmorning\b/i, 9],
  [/\b(noon|midday)\b/i, 12],
  [/\bafternoon\b/i, 14],
  [/\b(evening|tonight)\b/i, 18],
  [/\bnight\b/i, 20],
  [/\bmidnight\b/i, 0],
];

/** What parse leaves alone, and the hour it means. */
const END_OF_DAY = /\b(?:the )?(?:end of (?:the )?(?:business )?day|close of business|eod|cob)\b/gi;
const END_OF_DAY_TEXT = 'today at 17:00';

/** Whether this is the name of a time zone, such as Europe/Berlin. */
export function isTimeZone(name: string): boolean {
  return !Number.isNaN(tzOffset(name, new Date(0)));
}

/** The times in an English text, in its order, as they are meant at `now` in the zone. A day without a year is the next one. */
export function readTimes(text: string, now: Date, timeZone: string): When[] {
  const reference = { instant: now, timezone: tzOffset(timeZone, now) };
  const ends = [...text.matchAll(END_OF_DAY)].flatMap(({ 0: words, index }) => {
    const [today] = parse(END_OF_DAY_TEXT, reference);
    return today ? [{ ...whenOf(today, timeZone), words, index }] : [];
  });
  const found = parse(text, reference, { forwardDate: true })
    .map((result) => whenOf(result, timeZone))
    .filter(({ index }) => !ends.some((end) => index >= end.index && index < end.index + end.words.length));
  return [...found, ...ends].sort((a, b) => a.index - b.index);
}

function whenOf({ text: words, index, start }: ParsedResult, timeZone: string): When {
  // A time with a zone of its own, or counted from now ("in 2 hours"), is an instant already.
  if (start.isCertain('timezoneOffset')) return { at: start.date(), words, index };
  const hour = start.isCertain('hour') ? (start.get('hour') ?? 0) : hourOf(words);
  const minute = start.isCertain('minute') ? (start.get('minute') ?? 0) : 0;
  const [year, month, day] = [start.get('year')!, start.get('month')!, start.get('day')!];
  return { at: new Date(new TZDate(year, month - 1, day, hour, minute, timeZone).getTime()), words, index };
}

function hourOf(words: string): number {
  return HOURS.find(([pattern]) => pattern.test(words))?.[1] ?? USUAL_HOUR;
}
