/** Which tools fit a text best: BM25 over their names, titles, descriptions and the names of their arguments. */
import type { ToolOffer } from '../models/model.ts';

export interface RankedTool extends ToolOffer {
  title?: string;
}

/** A text, and how much its words count. */
export type Weighted = readonly [text: string, weight: number];

/** How often a word of each field counts. */
const FIELDS = { name: 3, title: 2, description: 1, argument: 0.3 } as const;
/** The usual constants of BM25: how soon further occurrences add little, and how much long descriptions are held back. */
const SATURATION = 1.2;
const LENGTH = 0.4;
const STOP_WORDS: ReadonlySet<string> = new Set(
  (
    'a about all also an and any are as at be by can could did do does for from get give has have her him his how i in into is it its let like ' +
    'list me my of off on one or our out please show so tell that the their them there these they this to up us want was we were what when ' +
    'where which who will with would you your'
  ).split(' '),
);
/** How much of a question, and of a description, is read, in characters: ranking must not hold up everybody else. */
const MAX_TEXT = 4000;
const MAX_DESCRIPTION = 1000;
/** Scripts without spaces between words, which are taken two characters at a time. */
const UNSPACED = /[\p{sc=Han}\p{sc=Hiragana}\p{sc=Katakana}\p{sc=Thai}]/u;

/** The tools that have words of the texts, the best first; equally good ones in the order that they came in. */
export function rankTools<Tool extends RankedTool>(tools: readonly Tool[], texts: readonly Weighted[]): Tool[] {
  const documents = tools.map(documentOf);
  const average = documents.reduce((all, { length }) => all + length, 0) / Math.max(1, documents.length);
  const weights = new Map<string, number>();
  for (const [text, weight] of texts) {
    for (const term of termsOf(text.slice(0, MAX_TEXT))) weights.set(term, Math.max(weight, weights.get(term) ?? 0));
  }
  const scores = documents.map(() => 0);
  const holders = new Map<string, number>();
  for (const { counts } of documents) {
    for (const term of counts.keys()) holders.set(term, (holders.get(term) ?? 0) + 1);
  }
  for (const [term, weight] of weights) {
    const having = holders.get(term);
    if (having === undefined) continue;
    const rarity = Math.log(1 + (documents.length - having + 0.5) / (having + 0.5));
    for (const [index, { counts, length }] of documents.entries()) {
      const count = counts.get(term) ?? 0;
      const held = SATURATION * (1 - LENGTH + (LENGTH * length) / average);
      scores[index]! += (weight * rarity * count * (SATURATION + 1)) / (count + held);
    }
  }
  return tools
    .map((tool, index) => ({ tool, score: scores[index]! }))
    .filter(({ score }) => score > 0)
    .toSorted((one, other) => other.score - one.score)
    .map(({ tool }) => tool);
}

function documentOf({ name, title = '', description, inputSchema }: RankedTool): {
  counts: Map<string, number>;
  length: number;
} {
  const { properties } = inputSchema;
  const isObject = typeof properties === 'object' && properties !== null;
  const argument = isObject ? Object.keys(properties).join(' ') : '';
  const fields = { name, title, description: description.slice(0, MAX_DESCRIPTION), argument };
  const counts = new Map<string, number>();
  let length = 0;
  for (const [field, text] of Object.entries(fields)) {
    const weight = FIELDS[field as keyof typeof FIELDS];
    for (const term of termsOf(text)) {
      counts.set(term, (counts.get(term) ?? 0) + weight);
      length += weight;
    }
  }
  return { counts, length };
}

/** The words of a text, each in the form that it is found by. */
function termsOf(text: string): string[] {
  const plain = text.normalize('NFKD').replaceAll(/\p{M}/gu, '');
  const words =
    plain
      .replaceAll(/(\p{Ll})(?=\p{Lu})/gu, '$1 ')
      .toLowerCase()
      .match(/[\p{L}\p{N}]+/gu) ?? [];
  return words.flatMap((word) => {
    if (UNSPACED.test(word)) return pairsOf(word);
    return STOP_WORDS.has(word) ? [] : [stemOf(word)];
  });
}

/** Each two neighbouring characters of a word. */
function pairsOf(word: string): string[] {
  const characters = Array.from(word);
  if (characters.length === 1) return characters;
  return characters.slice(1).map((character, at) => characters[at]! + character);
}

/** An English word without its commonest endings: `tasks`, `assigned` and `dropping` are found by `task`, `assign` and `drop`. */
function stemOf(word: string): string {
  const singular = word.replace(/(?<=.{2})ies$/, 'y').replace(/(?<=.{2}[^s])s$/, '');
  const stem = singular.replace(/(?<=.{3})(ing|ed)$/, '');
  const single = stem === singular ? stem : stem.replace(/([^aeiouls])\1$/, '$1');
  return single.replace(/(?<=.{3})e$/, '');
}
