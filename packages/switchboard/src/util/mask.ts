/** Masked text of fewer characters than this would say more than it hides. */
const LEAST_MASKED = 4;

/** Takes secrets out of texts, also where they are written as a part of a URL or in base64. */
export function maskOf(values: readonly string[]): (text: string) => string {
  // The longest first, so that nothing is left of one that holds another.
  const secrets = values
    .flatMap((value) => [value, encodeURIComponent(value), Buffer.from(value).toString('base64')])
    .filter(({ length }) => length >= LEAST_MASKED)
    .toSorted((a, b) => b.length - a.length);
  return (text) => secrets.reduce((masked, secret) => masked.replaceAll(secret, '***'), text);
}
