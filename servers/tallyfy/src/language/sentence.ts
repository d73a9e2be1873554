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
}

const EMAIL = /[\w.+-]+@[\w-]+(?:\.[\w-]+)+/g;
const QUOTED = /["“”]([^"“”]+)["“”]/;
/** A name: up to three words with capital letters. */
const NAME = String.raw`\p{Lu}[\p{L}'’-]*(?: \p{Lu}[\p{L}'’-]*){0,2}`;
const EMAIL_OR_NAME = String.raw`(?:[\w.+-]+@[\w-]+(?:\.[\w-]+)+|(?:the )?(?:group|team) ${NAME}|(?:the )?${NAME}(?: (?:group|team))?|me|myself)`;
const PEOPLE = String.raw`(${EMAIL_OR_NAME}(?:(?:,? and |, ?| & )${EMAIL_OR_NAME})*)`;
/** "assign it to Ada and the Sales team". Only the first letter of the words before the names may be of either case. */
const ASSIGNED = new RegExp(
  String.raw`,?\s*\b(?:and )?(?:[Aa]ssign(?:ed)?(?: (?:it|this|that))? to|[Ff]or|[Gg]ive (?:it|this) to) ${PEOPLE}`,
  'u',
);
/** "remind Ada to …" and "ask Ada to …": who it is for comes before what it is. */
const REMINDED = new RegExp(String.raw`^(?:[Pp]lease )?(?:[Rr]emind|[Aa]sk|[Tt]ell|[Hh]ave) ${PEOPLE} (?:to )?`, 'u');
/** A description goes on to the end, or to who is assigned. */
const DESCRIBED =
  /[,;.]?\s*\b(?:with )?(?:the )?(?:description|notes?|details?)\b:?\s*("\d+"|.+?)(?=,?\s*\b(?:and )?assign(?:ed)?\b|$)/i;
const OPENING =
  /^(?:please )?(?:(?:create|add|make|set up|new)\s+)?(?:an?\s+|the\s+)?(?:new\s+)?(?:one-off\s+)?(?:task|to-?do)\b\s*(?:(?:called|named|titled)\s+|to\s+|:\s*|-\s*)?/i;
/** What leads to a time, and goes with it. */
const LEADING =
  /[,;]?\s*\b(?:and )?(?:it is |it's )?(?:(?:with )?(?:an? |the )?(?:deadline|due date)(?: is| of| on| at)?:?|due(?: by| on| at| before| in)?|by|before|until|till|no later than|on|at)\s*$/i;
const MEANS_DEADLINE = /\b(?:deadline|due|by|before|until|till|no later than)\b[^.]*$/i;

/** Reads an English sentence such as "Create a task called X with description Y, assign it to Ada and due by next Friday". */
export function readSentence(text: string, now: Date, timeZone: string): TaskSentence {
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

  const named: string[] = [];
  const take = (_match: string, people: string): string => {
    named.push(...people.split(/,? and |, ?| & /));
    return '';
  };
  rest = rest.replace(REMINDED, take).replace(ASSIGNED, take);

  const isGroup = (name: string): boolean => /\b(?:group|team)\b/i.test(name);
  const opened = rest.replace(OPENING, '');
  const title = unquoted(opened).replace(/^[\s,.;:-]+|[\s,.;:-]+$/g, '');
  return {
    title: title.charAt(0).toUpperCase() + title.slice(1),
    description: description || undefined,
    deadline,
    emails: named.flatMap((name) => name.match(EMAIL) ?? []),
    people: named.filter((name) => !isGroup(name) && !name.includes('@')),
    groups: named.filter(isGroup).map((name) => name.replace(/\b(?:the|group|team)\b/gi, '').trim()),
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
