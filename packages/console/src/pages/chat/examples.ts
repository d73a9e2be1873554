import type { ToolSummary } from './wire.ts';

/** A text to begin with. */
export interface Example {
  readonly label: string;
  /** What the tool does, in a sentence. */
  readonly about: string;
  readonly text: string;
}

const MOST = 4;
const LONGEST_ABOUT = 90;

/** `list_open-tasks` as `List open tasks`. */
function wordsOf(name: string): string {
  const words = name
    .replaceAll(/[_.-]+/g, ' ')
    .replaceAll(/([a-z])([A-Z])/g, '$1 $2')
    .toLowerCase()
    .trim();
  return words.slice(0, 1).toUpperCase() + words.slice(1);
}

function sentenceOf(description: string): string {
  const sentence = description.trim().split(/(?<=[.!?])\s|\n/, 1)[0]!;
  return sentence.length > LONGEST_ABOUT ? `${sentence.slice(0, LONGEST_ABOUT - 1)}…` : sentence;
}

/** What one could ask, made of tools that destroy nothing: first one of each server. */
export function examplesOf(tools: readonly ToolSummary[]): Example[] {
  const harmless = tools.filter(({ destructive }) => !destructive);
  const firsts = harmless.filter((tool, at) => harmless.findIndex(({ server }) => server === tool.server) === at);
  return [...new Set([...firsts, ...harmless])].slice(0, MOST).map(({ name, title, description = '' }) => {
    const label = title ?? wordsOf(name);
    return { label, about: sentenceOf(description), text: `Show me what "${label}" can tell me.` };
  });
}
