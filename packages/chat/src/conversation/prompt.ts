/** Entries as the model is given them, for a conversation that was kept when the process ended. */
import type { PromptMessage } from '../models/model.ts';
import type { Entry } from '../protocol/history.ts';
import { cut } from '../tools/result.ts';

/** What the model gets of each old result. */
const MAX_OLD_RESULT = 4000;

export function promptOf(entries: readonly Entry[], shared: boolean): PromptMessage[] {
  return withoutFailed(entries).flatMap((entry): PromptMessage[] => {
    switch (entry.kind) {
      case 'person':
        return [{ role: 'user', text: entry.text, ...(shared && { from: entry.from }) }];
      case 'model':
        return entry.text === '' ? [] : [{ role: 'assistant', text: entry.text, calls: [] }];
      default: {
        const { call: id, name, text, is_error: isError } = entry;
        const result = { id, name, text: cut(text, MAX_OLD_RESULT), images: [], isError };
        return [
          { role: 'assistant', text: '', calls: [{ id, name, arguments: entry.arguments }] },
          { role: 'tool', results: [result] },
        ];
      }
    }
  });
}

/** A question that failed or was interrupted without a word is left out, as it was while the conversation went on. */
function withoutFailed(entries: readonly Entry[]): Entry[] {
  return entries.filter((entry, index) => {
    const next = entries[index + 1];
    if (entry.kind !== 'person' || next?.kind !== 'model' || next.text !== '') return true;
    return next.stopped !== 'failed' && next.stopped !== 'interrupted';
  });
}
