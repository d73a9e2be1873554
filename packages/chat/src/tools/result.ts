/** What a tool's result says: to people, and to the model, which may be given less of it. */
import type { CallToolResult } from '@modelcontextprotocol/client';

import type { Ended, Image } from '../protocol/history.ts';

export interface ToolOutcome {
  isError: boolean;
  /** Why it was not made, or not to its end, where that is no failure of the tool. */
  ended?: Ended;
  /** For people: all of it, up to {@link MAX_TEXT}. */
  text: string;
  images: Image[];
}

/** The most that is kept of a result for people, in characters. */
export const MAX_TEXT: number = 1024 * 1024;
/** How many images of a result are kept, and how large one may be, in characters of Base64. */
const MAX_IMAGES = 8;
const MAX_IMAGE: number = 5 * 1024 * 1024;
/** What models and pages can show. */
const IMAGE_TYPES: ReadonlySet<string> = new Set(['image/png', 'image/jpeg', 'image/gif', 'image/webp']);

export function readResult(result: CallToolResult, mask: (text: string) => string): ToolOutcome {
  const images: Image[] = [];
  const texts = (result.content ?? []).map((block): string => {
    switch (block.type) {
      case 'text':
        return block.text;
      case 'image': {
        const isShown = IMAGE_TYPES.has(block.mimeType) && block.data.length <= MAX_IMAGE && images.length < MAX_IMAGES;
        if (!isShown) return `[an image, ${block.mimeType}, that cannot be shown]`;
        images.push({ mime_type: block.mimeType, data: block.data });
        return '';
      }
      case 'resource':
        return 'text' in block.resource ? block.resource.text : `[data at ${block.resource.uri}]`;
      case 'resource_link':
        return `[${block.title ?? block.name}](${block.uri})`;
      default:
        return `[${block.type}]`;
    }
  });
  const said = texts.filter((text) => text !== '').join('\n\n');
  const isSilent = said === '' && images.length === 0 && result.structuredContent !== undefined;
  const text = isSilent ? JSON.stringify(result.structuredContent, undefined, 2) : said;
  return { isError: result.isError === true, text: cut(mask(text), MAX_TEXT), images };
}

/** The beginning of a text; never a half of a character. */
export const beginningOf = (text: string, max: number): string =>
  text.slice(0, text.length > max && /[\uD800-\uDBFF]/.test(text[max - 1] ?? '') ? max - 1 : max);

/** The beginning of a long text, with a word of what is missing. */
export function cut(text: string, max: number): string {
  if (text.length <= max) return text;
  const beginning = beginningOf(text, max);
  return `${beginning}\n\n[${text.length - beginning.length} more characters were left out]`;
}
