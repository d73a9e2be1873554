/**
 * What JSON leaves as it is and a terminal, or who splits lines, takes for more than a character: DEL, C1 controls such as CSI, line
 * separators, and what changes the direction of the text.
 */
const LEFT = /[\u007f-\u009f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]/g;

/** One line of JSON with these escaped; whoever reads the JSON reads the same. */
export const asLine = (json: string): string =>
  json.replace(LEFT, (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`);
