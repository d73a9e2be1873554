import { assignmentIn, type Finder } from './assignment.ts';
import { readTimes, type When } from './when.ts';

/** What a sentence says of a task. */
export interface TaskSentence {
  title: string;
  description: string | undefined;
  deadline: When | undefined;
  /** Email addresses, and names of people, as they were written. */
  emails: string[];
  people: string[];
  groups: string[];
  /** Names after "for" that nobody has; they are part of the title. */
  unknown: string[];
}

const QUOTED = /["“”]([^"“”]+)["“”]/;
/** A description goes on to the end, or to who is assigned. */
const DESCRIBED =
  /[,;.]?\s*\b(?:with )?(?:the )?(?:description|notes?|details?)\b:?\s*("\d+"|.+?)(?=,?\s*\b(?:and )?assign(?:ed)?\b|$)/i;
const OPENING =
  /^(?:please )?(?:(?:create|add|make|set up|new)\s+)?(?:an?\s+|the\s+)?(?:new\s+)?(?:one-off\s+)?(?:task|to-?do)\b\s*(?:(?:called|named|titled)\s+|to\s+|:\s*|-\s*)?/i;
/** What leads to a time, and goes with it. */
const LEADING =
  /[,;]?\s*\b(?:and )?(?:it is |it's )?(?:(?:with )?(?:an? |the )?(?:deadline|due date)(?: is| of| on| at)?:?|due(?: by| on| at| before| in)?|by|before|until|till|no later than|on|at)\s*$/i;
const MEANS_DEADLINE = /\b(?:deadline|due|by|before|until|till|no later than)\b[^.]*$/i;

/** Reads an English sentence such as "Create a task called X with description Y, assign it to Ada and due by next Friday". @param find finds somebody's name */
export function readSentence(text: string, now: Date, timeZone: string, find: Finder): TaskSentence {
  let rest = text.replace(/\s+/g, ' ').trim();

  // Quoted words are what they are: no names and dates are looked for in them.
  const quotes: string[] = [];
  rest = rest.replace(new RegExp(QUOTED, 'g'), (_quoted, inner: string) => `"${quotes.push(inner) - 1}"`);
  const unquoted = (part: string): string =>
    part.replace(/"(\d+)"/g, (_number, at: string) => quotes[Number(at)] ?? '');

  const deadline = deadlineIn(rest, now, timeZone);
  if (deadline) rest = without(rest, deadline);

  const described = DESCRIBED.exec(rest);
  const description = described ? unquoted(described[1] ?? '').trim() : undefined;
  if (described) rest = rest.slice(0, described.index) + rest.slice(described.index + described[0].length);

  const { rest: unassigned, ...assigned } = assignmentIn(rest, find);
  const opened = unassigned.replace(OPENING, '');
  const title = unquoted(opened).replace(/^[\s,.;:-]+|[\s,.;:-]+$/g, '');
  return {
    title: title.charAt(0).toUpperCase() + title.slice(1),
    description: description || undefined,
    deadline,
    ...assigned,
  };
}

/** The time that is said to be the deadline; else the last one, since "call Ada tomorrow" means it so. */
function deadlineIn(text: string, now: Date, timeZone: string): When | undefined {
  const times = readTimes(text, now, timeZone);
  return times.findLast(({ index }) => MEANS_DEADLINE.test(text.slice(Math.max(0, index - 20), index))) ?? times.at(-1);
}

function without(text: string, { index, words }: When): string {
  const before = text.slice(0, index).replace(LEADING, '');
  return `${before.trimEnd()}${text.slice(index + words.length)}`.trim();
}
