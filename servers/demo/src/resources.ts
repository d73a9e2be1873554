import {
  type McpServer,
  ProtocolError,
  ProtocolErrorCode,
  ResourceNotFoundError,
  ResourceTemplate,
} from '@modelcontextprotocol/server';
import { protocolOf } from './era.ts';
import type { Notes } from './notes.ts';
import type { Subscriptions } from './subscriptions.ts';

export const NOTES_URI = 'demo://notes';
export const CLOCK_URI = 'demo://clock';

const TICK_MS = 1_000;
const PLAIN = 'text/plain';

/** Registers the notes, a single note, and the clock, and ticks while the clock is subscribed to. */
export function registerResources(server: McpServer, notes: Notes, subscriptions: Subscriptions): void {
  server.registerResource(
    'notes',
    NOTES_URI,
    { title: 'Notes', description: 'All notes, numbered. Updated when a note is added.', mimeType: PLAIN },
    (uri) => plainText(uri, notes.toString()),
  );
  server.registerResource(
    'clock',
    CLOCK_URI,
    { title: 'Clock', description: 'The time. Updated each second while it is subscribed to.', mimeType: PLAIN },
    (uri) => plainText(uri, new Date().toISOString()),
  );
  server.registerResource(
    'note',
    new ResourceTemplate('demo://note/{number}', {
      list: undefined,
      complete: {
        number: (start) =>
          notes
            .list()
            .map((note) => String(note.number))
            .filter((number) => number.startsWith(start)),
      },
    }),
    { title: 'One note', description: 'The text of the note with this number.', mimeType: PLAIN },
    (uri, { number }) => {
      const note = notes.get(String(number));
      if (!note) {
        throw new ResourceNotFoundError(
          uri.href,
          `There is no note ${String(number)}: read ${NOTES_URI} for the notes there are.`,
        );
      }
      return plainText(uri, note.text);
    },
  );
  acceptSubscriptions(server, subscriptions);
  tickWhileSubscribed(server, subscriptions);
}

/**
 * Tells the client that a resource has changed, if it is subscribed to it.
 * A legacy client gets whatever is sent, so what it did not ask for is left unsent here;
 * on a modern connection the serving entry sends it to the listen streams that name the resource.
 */
export async function sendUpdated(server: McpServer, subscriptions: Subscriptions, uri: string): Promise<void> {
  if (protocolOf(server)?.era !== 'modern' && !subscriptions.has(uri)) return;
  await server.server.sendResourceUpdated({ uri });
}

/** The legacy way to subscribe; a modern client listens instead, and its serving entry answers that. */
function acceptSubscriptions(server: McpServer, subscriptions: Subscriptions): void {
  server.server.setRequestHandler('resources/subscribe', ({ params: { uri } }) => {
    if (uri !== NOTES_URI && uri !== CLOCK_URI) {
      throw new ProtocolError(
        ProtocolErrorCode.InvalidParams,
        `'${uri}' never changes: subscribe to ${NOTES_URI} or ${CLOCK_URI}.`,
      );
    }
    subscriptions.subscribe(uri, [uri]);
    return {};
  });
  server.server.setRequestHandler('resources/unsubscribe', ({ params: { uri } }) => {
    subscriptions.unsubscribe(uri);
    return {};
  });
}

function tickWhileSubscribed(server: McpServer, subscriptions: Subscriptions): void {
  let timer: NodeJS.Timeout | undefined;
  const tick = (): void => {
    // The connection may end between two ticks; then nobody is left to be told.
    sendUpdated(server, subscriptions, CLOCK_URI).catch(() => {});
  };
  subscriptions.watch(() => {
    if (!subscriptions.has(CLOCK_URI)) {
      clearInterval(timer);
      timer = undefined;
    } else {
      timer ??= setInterval(tick, TICK_MS).unref();
    }
  });
}

function plainText(uri: URL, text: string): { contents: { uri: string; mimeType: string; text: string }[] } {
  return { contents: [{ uri: uri.href, mimeType: PLAIN, text }] };
}
