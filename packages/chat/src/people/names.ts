/** The names that people may have in a room: nobody is taken for the model, for the host, or for somebody else. */

/**
 * Letters that look like one of a to z in common fonts, by what they look like (after Unicode TR 39). Compatibility forms, such as
 * fullwidth and mathematical letters, and accents need no entry: normalization takes them away.
 */
const LOOK_ALIKES: Readonly<Record<string, string>> = {
  a: 'аαɑᴀ',
  b: 'ьвʙβᏼ',
  c: 'сϲᴄⅽ',
  d: 'ԁɗᴅժ',
  e: 'еєεҽᴇℯ',
  f: 'ғſꜰ',
  g: 'ɡցԍɢ',
  h: 'һհнʜ',
  i: 'іιıɩɪǀӏl1|!ʟłլ',
  j: 'јϳᴊ',
  k: 'кκᴋ',
  m: 'мϻᴍ',
  n: 'пոηɴи',
  o: 'оοσօ0ᴏøᲿ',
  p: 'рρþᴘ',
  q: 'ԛզգ',
  r: 'гʀᴦ',
  s: 'ѕꜱʂ5$',
  t: 'тτᴛ7',
  u: 'υսцᴜʋ',
  v: 'ѵνᴠ',
  w: 'ѡωшաᴡ',
  x: 'хχ×',
  y: 'уүγყʏ',
  z: 'ᴢʐ2',
};

const BY_LOOK: ReadonlyMap<string, string> = new Map(
  Object.entries(LOOK_ALIKES).flatMap(([letter, others]) =>
    Array.from(others, (other): [string, string] => [other, letter]),
  ),
);

/** Roles of a conversation, and what the wire and an export use for somebody who has no name. */
const RESERVED: readonly string[] = [
  'model',
  'assistant',
  'system',
  'tool',
  'tools',
  'user',
  'you',
  'developer',
  'server',
  'admin',
  'switchboard',
];

/** Scripts with letters that pass for Latin ones. No honest name mixes them with Latin. */
const LATIN_LIKE =
  /[\p{Script=Cyrillic}\p{Script=Greek}\p{Script=Armenian}\p{Script=Cherokee}\p{Script=Coptic}\p{Script=Lisu}]/u;

/**
 * What a name looks like: two names with the same look cannot be told apart. Case, accents, invisible characters, spaces and
 * punctuation do not count.
 */
export function lookOf(name: string): string {
  const plain = name
    .normalize('NFKD')
    .toLowerCase()
    .normalize('NFKD')
    .replaceAll(/[^\p{L}\p{N}|!$×]|\p{Default_Ignorable_Code_Point}/gu, '');
  return Array.from(plain, (letter) => BY_LOOK.get(letter) ?? letter).join('');
}

/** @returns what is wrong with a name in a conversation whose model is called by `mention`; undefined when it may be taken. */
export function nameProblem(name: string, mention: string): string | undefined {
  if (/\p{Default_Ignorable_Code_Point}/u.test(name)) return 'it has invisible characters';
  if (LATIN_LIKE.test(name) && /\p{Script=Latin}/u.test(name))
    return 'it mixes letters of several alphabets that look alike';
  const look = lookOf(name);
  const taken = [...RESERVED, mention].find((word) => lookOf(word) === look);
  return taken === undefined ? undefined : `it looks like "${taken}", which names no person`;
}
