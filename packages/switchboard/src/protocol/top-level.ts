/** Finds the members of a JSON object's top level in its text, also where the text as a whole is not valid JSON. */
import { endOfString } from './json-bounds.ts';

const [QUOTE, COLON, COMMA] = [0x22, 0x3a, 0x2c];
const [OPEN_BRACKET, CLOSE_BRACKET, OPEN_BRACE, CLOSE_BRACE] = [0x5b, 0x5d, 0x7b, 0x7d];

/**
 * The values of these keys as they are written; of a key that stands there twice the last, as in `JSON.parse`. What comes after the
 * first place where strings or brackets do not fit together is not read, and nothing where the text does not begin with the object.
 */
export function topLevel(text: string, wanted: ReadonlySet<string>): ReadonlyMap<string, string> {
  const found = new Map<string, string>();
  if (!/^[ \t\r\n]*\{/.test(text)) return found;
  let depth = 0;
  let lastString = '';
  let key: string | undefined;
  let valueStart = 0;
  const end = (at: number): void => {
    if (key !== undefined && wanted.has(key)) found.set(key, text.slice(valueStart, at).trim());
    key = undefined;
  };
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at);
    if (code === QUOTE) {
      const close = endOfString(text, at);
      if (close === -1) break;
      if (depth === 1 && key === undefined) lastString = text.slice(at, close + 1);
      at = close;
    } else if (code === OPEN_BRACE || code === OPEN_BRACKET) {
      depth++;
    } else if (code === CLOSE_BRACE || code === CLOSE_BRACKET) {
      if (depth === 1) end(at);
      if (--depth <= 0) break;
    } else if (depth === 1 && code === COMMA) end(at);
    else if (depth === 1 && code === COLON && key === undefined) {
      key = decoded(lastString);
      valueStart = at + 1;
    }
  }
  return found;
}

function decoded(lexeme: string): string {
  try {
    return JSON.parse(lexeme) as string;
  } catch {
    return '';
  }
}
