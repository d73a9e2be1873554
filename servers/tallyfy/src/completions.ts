import type { Tallyfy, Thing } from './api.ts';

const MAX_CHOICES = 100;
/** Somebody is typing: a list that comes later is of no use. */
const PATIENCE_MS = 5_000;

/** What an argument could be, from a list of the API; nothing when that cannot be had, since a completion is only a help. */
export async function choices(tallyfy: Tallyfy, path: string, key: string, start: string): Promise<string[]> {
  try {
    const api = tallyfy.during({ signal: AbortSignal.timeout(PATIENCE_MS) });
    // The API searches by name alone: a list by id is narrowed down here.
    const query = key === 'id' ? {} : { q: start || undefined };
    const { items } = await api.list(path, { page: 1, per_page: MAX_CHOICES, all_pages: false }, query);
    const values = items.map((item: Thing) => item[key]).filter((value) => typeof value === 'string');
    return [...new Set(values)].filter((value) => value.toLowerCase().startsWith(start.toLowerCase()));
  } catch {
    return [];
  }
}
