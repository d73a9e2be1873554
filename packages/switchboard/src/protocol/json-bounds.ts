/**
 * How deep and how wide a message may be. `JSON.parse` takes any depth, but what reads or writes the result afterwards may run out of
 * stack; and a million keys cost far more time and memory than their bytes.
 */
export const MAX_DEPTH = 512;
/** Of members of objects and elements of arrays, in the whole message. */
export const MAX_VALUES = 1_000_000;
const TOO_WIDE = `of more than ${MAX_VALUES} values`;

const [QUOTE, BACKSLASH, COMMA, SPACE] = [0x22, 0x5c, 0x2c, 0x20];
const [OPEN_BRACKET, CLOSE_BRACKET, OPEN_BRACE, CLOSE_BRACE] = [0x5b, 0x5d, 0x7b, 0x7d];

/**
 * Looks at the text before it is parsed, so that what is too much is never built. Most messages have not even as many brackets as they
 * may have levels, which costs next to nothing to see; for others it is about a third of what parsing costs.
 *
 * @returns what is too much, in words; nothing when it is within bounds.
 */
export function boundsExceeded(text: string): string | undefined {
  if (text.length < 2 * MAX_DEPTH) return undefined;
  if (text.length < 2 * MAX_VALUES && openings(text, '{') + openings(text, '[') <= MAX_DEPTH) return undefined;
  let [depth, values] = [0, 0];
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at);
    if (code === QUOTE) {
      at = endOfString(text, at);
      if (at === -1) return undefined;
    } else if (code === COMMA) {
      if (++values > MAX_VALUES) return TOO_WIDE;
    } else if (code === OPEN_BRACE || code === OPEN_BRACKET) {
      if (++depth > MAX_DEPTH) return `nested deeper than ${MAX_DEPTH} levels`;
      while (text.charCodeAt(at + 1) <= SPACE) at++;
      // Every comma stands for one value more, and the first one of a container has none. The bracket that closes is two further in ASCII.
      if (text.charCodeAt(at + 1) !== code + 2 && ++values > MAX_VALUES) return TOO_WIDE;
    } else if (code === CLOSE_BRACE || code === CLOSE_BRACKET) depth--;
  }
  return undefined;
}

/** How many there are, those within strings included; more than are allowed are not counted. */
function openings(text: string, bracket: string): number {
  let count = 0;
  for (let at = text.indexOf(bracket); at !== -1 && count <= MAX_DEPTH; at = text.indexOf(bracket, at + 1)) count++;
  return count;
}

/** Where the string that begins at `start` ends; -1 where it does not, which the parser will tell. */
export function endOfString(text: string, start: number): number {
  for (let end = text.indexOf('"', start + 1); end !== -1; end = text.indexOf('"', end + 1)) {
    let slashes = 0;
    while (text.charCodeAt(end - 1 - slashes) === BACKSLASH) slashes++;
    if (slashes % 2 === 0) return end;
  }
  return -1;
}
