/** Hears every message that an SDK transport delivers, from the first one on. */
import type { Json } from '../../support/wire.ts';

type Deliver = (message: never, extra?: never) => void;
type Send = (message: Json, ...more: unknown[]) => unknown;

/** A name with this in front is sent without a prefix, as pages of Apps call tools. */
export const BARE = ':';

/** @param prefix what names have in front on the wire; the client knows them without it. */
export function eavesdrop(transport: object, heard: Json[], prefix = ''): void {
  let deliver: Deliver | undefined;
  const listener: Deliver = (message, extra) => {
    stripNames(message, prefix);
    heard.push(message);
    deliver?.(message, extra);
  };
  Object.defineProperty(transport, 'onmessage', {
    configurable: true,
    get: () => deliver && listener,
    set: (next: Deliver | undefined) => {
      if (next !== listener) deliver = next;
    },
  });
  const { send } = transport as { send: Send };
  Object.assign(transport, {
    send: (message: Json, ...more: unknown[]) => send.call(transport, addPrefix(message, prefix), ...more),
  });
}

function addPrefix(message: Json, prefix: string): Json {
  const named = (name: string): string => (name.startsWith(BARE) ? name.slice(BARE.length) : prefix + name);
  const params = message['params'] as Json | undefined;
  const ref = params?.['ref'] as Json | undefined;
  if (message['method'] === 'tools/call' || message['method'] === 'prompts/get') {
    return { ...message, params: { ...params, name: named(String(params?.['name'])) } };
  }
  if (typeof ref?.['name'] !== 'string') return message;
  return { ...message, params: { ...params, ref: { ...ref, name: prefix + ref['name'] } } };
}

/** What belongs to another server is left out of the lists. */
function stripNames(message: Json, prefix: string): void {
  const result = message['result'] as Json | undefined;
  for (const list of ['tools', 'prompts']) {
    const items = result?.[list];
    if (prefix === '' || !Array.isArray(items)) continue;
    result![list] = (items as { name: string }[]).flatMap((item) =>
      item.name.startsWith(prefix) ? [{ ...item, name: item.name.slice(prefix.length) }] : [],
    );
  }
}
