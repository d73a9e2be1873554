/** The longest that a value of a peer stands in an error or an event, in characters. */
const MAX_CHARS = 100;

/** Any value for people to read: as JSON, cut, and never an exception. */
export function shown(value: unknown): string {
  if (value === undefined) return 'missing';
  try {
    const text = JSON.stringify(typeof value === 'string' ? value.slice(0, MAX_CHARS + 1) : value) ?? typeof value;
    return text.length > MAX_CHARS ? `${text.slice(0, MAX_CHARS)}…` : text;
  } catch {
    // What a program hands over in memory may hold itself, or values that JSON does not have.
    return `a ${typeof value}`;
  }
}
