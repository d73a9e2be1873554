/** Where a server to be added is described: in a file, at an address, or in the registry of MCP. */
import { createHash } from 'node:crypto';
import { existsSync, readFileSync, statSync } from 'node:fs';
import { resolve } from 'node:path';

import { SwitchboardError } from '../../protocol/errors.ts';
import { isObject } from '../../protocol/jsonrpc.ts';
import type { JsonObject } from '../../protocol/jsonrpc.ts';
import { isLoopback } from '../../util/address.ts';
import { usageError } from '../exit.ts';

export type Fetch = (url: string, init: { signal: AbortSignal }) => Promise<Response>;

/** A description as JSON, the bytes of a bundle, or just the address of a server. */
export type Origin =
  | { kind: 'description'; value: JsonObject; from: string }
  | { kind: 'bundle'; bytes: Uint8Array; from: string }
  | { kind: 'address'; url: string };

/** The registry that is asked for a name. */
export const REGISTRY = 'https://registry.modelcontextprotocol.io';

const MAX_BUNDLE_BYTES = 256 * 1024 * 1024;
const MAX_DESCRIPTION_BYTES = 1024 * 1024;
const TIMEOUT_MS = 60_000;
/** `io.github.somebody/something`, as the registry has names. */
const NAME = /^[a-z0-9][\w.-]*\/[\w.-]+$/i;

/**
 * @throws {SwitchboardError} `SWB_USAGE` for what is none of them, `SWB_CONFIG_INVALID` for what cannot be read, `SWB_CONNECT_FAILED` when
 * it cannot be fetched
 */
export async function readOrigin(text: string, folder: string, registry: string, fetch: Fetch): Promise<Origin> {
  if (/^https?:\/\//i.test(text)) {
    const { pathname } = urlOf(text);
    if (/\.(?:mcpb|dxt)$/i.test(pathname)) return fetchBundle(text, undefined, fetch);
    if (!/\.json$/i.test(pathname)) return { kind: 'address', url: text };
    return { kind: 'description', value: jsonOf(await get(text, MAX_DESCRIPTION_BYTES, fetch), text), from: text };
  }
  const path = resolve(folder, text);
  if (existsSync(path)) return fromFile(path);
  if (!NAME.test(text)) {
    throw usageError(
      `${JSON.stringify(text)} is no file, no address, and no name such as io.github.somebody/something`,
    );
  }
  const url = `${registry.replace(/\/$/, '')}/v0.1/servers/${encodeURIComponent(text)}/versions/latest`;
  const answer = jsonOf(await get(url, MAX_DESCRIPTION_BYTES, fetch), url);
  const value = isObject(answer['server']) ? answer['server'] : answer;
  return { kind: 'description', value, from: `${text} of ${new URL(url).host}` };
}

function fromFile(path: string): Origin {
  try {
    const { size } = statSync(path);
    if (size > MAX_BUNDLE_BYTES) throw invalid(`${path} is larger than ${MAX_BUNDLE_BYTES / 1024 / 1024} MiB`);
    const bytes = readFileSync(path);
    // A zip file, whatever it is called.
    if (bytes.subarray(0, 2).toString('latin1') === 'PK') return { kind: 'bundle', bytes, from: path };
    return { kind: 'description', value: jsonOf(bytes, path), from: path };
  } catch (error) {
    if (error instanceof SwitchboardError) throw error;
    throw invalid(`${path} cannot be read (${(error as NodeJS.ErrnoException).code ?? 'unreadable'})`);
  }
}

/** @param sha256 what its digest must be. @throws {SwitchboardError} also `SWB_CONFIG_INVALID` when it is another */
export async function fetchBundle(url: string, sha256: string | undefined, fetch: Fetch): Promise<Origin> {
  const bytes = await get(url, MAX_BUNDLE_BYTES, fetch);
  const digest = createHash('sha256').update(bytes).digest('hex');
  if (sha256 !== undefined && digest !== sha256) {
    throw invalid(`${url} is not the bundle that was described: its SHA-256 is ${digest}`);
  }
  return { kind: 'bundle', bytes, from: url };
}

const invalid = (detail: string): SwitchboardError => new SwitchboardError('SWB_CONFIG_INVALID', { detail });

/** What runs here is not taken from where anybody on the way could change it. */
function urlOf(text: string): URL {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url !== undefined && (url.protocol === 'https:' || (url.protocol === 'http:' && isLoopback(url.hostname))))
    return url;
  throw usageError(`expected an address with https, got ${JSON.stringify(text)}`);
}

async function get(text: string, maxBytes: number, fetch: Fetch): Promise<Uint8Array> {
  const url = urlOf(text);
  const failed = (why: string, cause?: unknown): SwitchboardError =>
    new SwitchboardError('SWB_CONNECT_FAILED', { detail: `${url.origin}${url.pathname}: ${why}`, cause });
  let response: Response;
  try {
    response = await fetch(url.href, { signal: AbortSignal.timeout(TIMEOUT_MS) });
  } catch (cause) {
    throw failed((cause as Error).message, cause);
  }
  if (response.url !== '') urlOf(response.url);
  if (!response.ok)
    throw failed(response.status === 404 ? 'there is no such server' : `it answered ${response.status}`);
  const chunks: Uint8Array[] = [];
  let size = 0;
  try {
    for await (const chunk of (response.body ?? []) as AsyncIterable<Uint8Array>) {
      size += chunk.byteLength;
      if (size > maxBytes) throw failed(`it is larger than ${maxBytes / 1024 / 1024} MiB`);
      chunks.push(chunk);
    }
  } catch (cause) {
    throw cause instanceof SwitchboardError ? cause : failed((cause as Error).message, cause);
  }
  return Buffer.concat(chunks);
}

function jsonOf(bytes: Uint8Array, from: string): JsonObject {
  try {
    const value: unknown = JSON.parse(new TextDecoder().decode(bytes));
    if (isObject(value)) return value;
  } catch {
    // Told below.
  }
  throw invalid(`${from} is no JSON object`);
}
