/** A conversation as a file for people or for programs. What tools were given and said is in it; credentials never were. */
import type { Entry } from '../protocol/history.ts';
import type { Export } from '../protocol/server-messages.ts';

export function exportConversation(entries: readonly Entry[], format: Export['format'], now: Date): Export {
  const stamp = now.toISOString().slice(0, 19).replaceAll(/[:T]/g, '-');
  const isMarkdown = format === 'markdown';
  return {
    type: 'export',
    format,
    filename: `chat-${stamp}.${isMarkdown ? 'md' : 'json'}`,
    content: isMarkdown
      ? markdown(entries, now)
      : `${JSON.stringify({ exported_at: now.toISOString(), entries }, undefined, 2)}\n`,
  };
}

function markdown(entries: readonly Entry[], now: Date): string {
  return [`# Chat, ${now.toISOString().slice(0, 10)}`, ...entries.map(section)].join('\n\n') + '\n';
}

function section(entry: Entry): string {
  switch (entry.kind) {
    case 'person':
      return `## ${entry.from}, ${entry.at}\n\n${entry.text}`;
    case 'model':
      return `## model, ${entry.at}${entry.stopped === 'done' ? '' : ` (${entry.stopped})`}\n\n${entry.text}`;
    default: {
      const images = entry.images === undefined ? '' : `\n\n(${entry.images.length} images)`;
      const call = `${entry.name} ${JSON.stringify(entry.arguments)}`;
      const head = `### ${entry.is_error ? 'failed tool' : 'tool'}, for ${entry.by}`;
      return `${head}\n\n${fenced(call)}\n\n${fenced(entry.text)}${images}`;
    }
  }
}

/** A fence longer than any in the text, so that none of it ends the block (CommonMark, 4.5). */
function fenced(text: string): string {
  const longest = Math.max(2, ...[...text.matchAll(/`+/g)].map(([run]) => run.length));
  const fence = '`'.repeat(longest + 1);
  return `${fence}\n${text}\n${fence}`;
}
