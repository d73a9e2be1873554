/** What JSON leaves as it is and a terminal, or who splits lines, takes for more than a character: DEL, C1 controls such as CSI, line separators. */
const LEFT = /[\u007f-\u009f\u2028\u2029]/g;

/** One line of JSON with these escaped; whoever reads the JSON reads the same. */
export const asLine = (json: string): string =>
  json.replace(LEFT, (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`);
