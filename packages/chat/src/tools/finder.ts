/** The chat's own tool: it finds tools that are not offered, and changes nothing. */
import type { ToolOffer } from '../models/model.ts';
import { beginningOf } from './result.ts';
import type { ToolOutcome } from './result.ts';

export const FINDER = 'find_tools';
export const FINDER_TITLE = 'Find tools';
/** How much of the names is in its description, in characters. */
const MAX_NAMES = 4000;
const MAX_ABOUT = 200;

/** Its description has the names of all tools, so that it is the same in each request of a conversation. */
export function finderFor(name: string, tools: readonly ToolOffer[]): ToolOffer {
  const names: string[] = [];
  let left = MAX_NAMES;
  for (const tool of tools) {
    left -= tool.name.length + 2;
    if (left < 0) break;
    names.push(tool.name);
  }
  const more = names.length < tools.length ? ` and ${tools.length - names.length} more` : '';
  const description =
    `Only some of the ${tools.length} tools are loaded. When none of those that you have fits, this finds and loads others; then use them. ` +
    `Never say that something cannot be done before you have looked here. All tools: ${names.join(', ')}${more}.`;
  return {
    name,
    description,
    inputSchema: {
      type: 'object',
      properties: {
        query: {
          type: 'string',
          description: 'Names of tools, or words for what they do, in the language of their names.',
        },
      },
      required: ['query'],
    },
  };
}

/** What it answers. */
export function foundTools(found: readonly ToolOffer[]): ToolOutcome {
  const lines = found.map(({ name, description }) => `- \`${name}\`: ${aboutOf(description)}`);
  const text =
    found.length === 0
      ? 'No tool has these words. Try others, or a name of the list in the description of this tool.'
      : `You can use these tools now:\n\n${lines.join('\n')}`;
  return { isError: false, text, images: [] };
}

const aboutOf = (description: string): string => beginningOf(description.split('\n', 1)[0]!, MAX_ABOUT);
