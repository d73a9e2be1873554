/** Reads the audit log back: what of it fits, the newest lines first, or all of it from the beginning. What a file holds is untrusted. */
import { open } from 'node:fs/promises';
import type { FileHandle } from 'node:fs/promises';
import { setTimeout as pause } from 'node:timers/promises';

import { isObject, textOf } from '../protocol/jsonrpc.ts';
import type { JsonObject } from '../protocol/jsonrpc.ts';

/** What lines have to fit; each part that is given. Names fit that contain the text, in whichever case. */
export interface AuditFilter {
  /** Who: the principal, or the operator. */
  principal?: string | undefined;
  /** How the client named itself, or its `User-Agent`. */
  client?: string | undefined;
  /** The tool or prompt, else the method, or what an operator did. */
  tool?: string | undefined;
  upstream?: string | undefined;
  /** Such as `request.ended`, exactly. */
  type?: string | undefined;
  /** Exactly. */
  outcome?: AuditOutcome | undefined;
  /** In ms since 1970. */
  since?: number | undefined;
  until?: number | undefined;
}

/** How it ended; `other` of what has no outcome, such as the beginning of a session. */
export type AuditOutcome = 'ok' | 'isError' | 'error' | 'cancelled' | 'refused' | 'other';

/** A part of the log, the newest line first. */
export interface AuditPage {
  lines: JsonObject[];
  /** Where older lines end, to go on from there; absent where the beginning of the file was reached. */
  before?: number;
  /** How many bytes were read. */
  searchedBytes: number;
}

/** What one search reads at most, in bytes. */
export const MAX_SEARCH_BYTES: number = 32 * 1024 * 1024;
const CHUNK_BYTES = 256 * 1024;
/** A longer line is none of ours. */
const MAX_LINE_BYTES = 1024 * 1024;
const NEWLINE = 10;
/** How much earlier a line may stand behind a later one: clocks are set, and lines wait for the disk. */
const SLACK_MS = 60_000;

/** @param before where to begin, as an earlier page said. @default the end. Rejects with what the system says of the file. */
export async function searchAudit(
  path: string,
  filter: AuditFilter,
  { limit, before = Infinity }: { limit: number; before?: number | undefined },
): Promise<AuditPage> {
  const file = await open(path, 'r');
  try {
    const end = Math.min(before, (await file.stat()).size);
    const found: AuditPage = { lines: [], searchedBytes: 0 };
    const { since = -Infinity } = filter;
    for await (const { line, start } of backwards(file, end)) {
      found.searchedBytes = end - start;
      found.before = start;
      if (line === undefined) continue;
      // One that says no time says nothing of what is before it.
      if (timeOf(line) > 0 && timeOf(line) < since - SLACK_MS) {
        delete found.before;
        return found;
      }
      if (!fits(line, filter)) continue;
      found.lines.push(line);
      if (found.lines.length >= limit) break;
    }
    if (found.before === 0) delete found.before;
    return found;
  } finally {
    await file.close();
  }
}

/** Every line that fits, oldest first, as of when it began. Takes its time, so that clients do not notice. Rejects as {@link searchAudit}. */
export async function* auditLines(path: string, filter: AuditFilter): AsyncGenerator<JsonObject[]> {
  const file = await open(path, 'r');
  try {
    const { size } = await file.stat();
    let rest: Buffer = Buffer.alloc(0);
    for (let at = 0; at < size; at += CHUNK_BYTES) {
      const began = performance.now();
      const chunk = Buffer.concat([rest, await read(file, at, Math.min(size, at + CHUNK_BYTES))]);
      const last = chunk.lastIndexOf(NEWLINE) + 1;
      rest = chunk.length - last > MAX_LINE_BYTES ? Buffer.alloc(0) : chunk.subarray(last);
      const lines = chunk.subarray(0, last).toString('utf8').split('\n').map(parsed);
      const found = lines.filter((line): line is JsonObject => line !== undefined && fits(line, filter));
      const workMs = performance.now() - began;
      if (found.length > 0) yield found;
      await pause(workMs);
    }
  } finally {
    await file.close();
  }
}

/** Lines from the end, each with where it begins; undefined for one that is none. The first one may have been cut. */
async function* backwards(
  file: FileHandle,
  from: number,
): AsyncGenerator<{ line: JsonObject | undefined; start: number }> {
  const least = Math.max(0, from - MAX_SEARCH_BYTES);
  /** The end of a line whose beginning stands before. */
  let rest: Buffer = Buffer.alloc(0);
  let hasAny = false;
  for (let end = from; end > least;) {
    const start = Math.max(least, end - CHUNK_BYTES);
    const chunk = Buffer.concat([await read(file, start, end), rest]);
    const first = start === 0 ? 0 : chunk.indexOf(NEWLINE) + 1;
    const isWhole = start === 0 || first > 0;
    rest = isWhole ? chunk.subarray(0, Math.max(0, first)) : chunk;
    if (rest.length > MAX_LINE_BYTES) rest = Buffer.alloc(0);
    end = start;
    if (!isWhole) continue;
    let stop = chunk.length;
    while (stop > first) {
      const begin = Math.max(first, chunk.lastIndexOf(NEWLINE, stop - 2) + 1);
      yield { line: parsed(chunk.toString('utf8', begin, stop)), start: start + begin };
      hasAny = true;
      stop = begin;
    }
  }
  if (!hasAny && least > 0) yield { line: undefined, start: least };
}

async function read(file: FileHandle, start: number, end: number): Promise<Buffer> {
  const { buffer, bytesRead } = await file.read({ buffer: Buffer.alloc(end - start), position: start });
  return buffer.subarray(0, bytesRead);
}

function parsed(text: string): JsonObject | undefined {
  if (text.trim() === '') return undefined;
  try {
    const line: unknown = JSON.parse(text);
    return isObject(line) ? line : undefined;
  } catch {
    // Such as one that is being written.
    return undefined;
  }
}

/** When it was written, in ms since 1970; 0 where it does not say. */
const timeOf = (line: JsonObject): number => Date.parse(textOf(line['time'])) || 0;

/** Who it is about. */
export const whoOf = (line: JsonObject): string => textOf(line['principal']) || textOf(line['operator']);
/** With which client. */
export const clientNameOf = (line: JsonObject): string => textOf(line['client']) || textOf(line['userAgent']);
/** What was asked for. */
export const whatOf = (line: JsonObject): string =>
  textOf(line['target']) || textOf(line['method']) || textOf(line['action']);

export function outcomeOf(line: JsonObject): AuditOutcome {
  const [type, outcome] = [textOf(line['type']), textOf(line['outcome'])];
  if (type.endsWith('.refused')) return 'refused';
  if (type === 'operator.acted') return outcome === 'ok' ? 'ok' : 'refused';
  return ENDS.find((each) => each === outcome) ?? 'other';
}

const ENDS = ['ok', 'isError', 'error', 'cancelled'] as const;

function fits(
  line: JsonObject,
  { principal, client, tool, upstream, type, outcome, since, until }: AuditFilter,
): boolean {
  const has = (text: string, wanted: string | undefined): boolean =>
    wanted === undefined || text.toLowerCase().includes(wanted.toLowerCase());
  const time = timeOf(line);
  return (
    time >= (since ?? -Infinity) &&
    time <= (until ?? Infinity) &&
    (type === undefined || line['type'] === type) &&
    (outcome === undefined || outcomeOf(line) === outcome) &&
    has(whoOf(line), principal) &&
    has(clientNameOf(line), client) &&
    has(whatOf(line), tool) &&
    has(textOf(line['upstream']), upstream)
  );
}
