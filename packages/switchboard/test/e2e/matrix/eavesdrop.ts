/** Hears every message that an SDK transport delivers, from the first one on. */
import type { Json } from '../../support/wire.ts';

type Deliver = (message: never, extra?: never) => void;

export function eavesdrop(transport: object, heard: Json[]): void {
  let deliver: Deliver | undefined;
  const listener: Deliver = (message, extra) => {
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
}
