/** So much of what a client says of itself stands in events, logs and tables, in UTF-16 units. */
export const MAX_OWN_WORDS = 200;

/** Made when a text is first cut, as loading it takes 35 ms. */
let segmenter: Intl.Segmenter | undefined;

/** The beginning of a text, at most `max` UTF-16 units long, that ends between two characters as people see them. */
export function cut(text: string, max: number): string {
  if (text.length <= max) return text;
  let end = 0;
  // A character of many units is looked at no further than the limit needs.
  segmenter ??= new Intl.Segmenter();
  for (const { segment, index } of segmenter.segment(text.slice(0, max + MAX_LOOK))) {
    if (index + segment.length > max) break;
    end = index + segment.length;
  }
  return copied(text.slice(0, end));
}

/** A text that keeps nothing else in memory: to V8 a part of a text is a view of the whole of it. */
export const copied = (part: string): string => ` ${part}`.slice(1);

/** How far behind the limit it is looked for the end of a character. */
const MAX_LOOK = 16;
