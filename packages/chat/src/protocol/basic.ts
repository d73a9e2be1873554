/** What of a message a client gets that has not agreed on `chat.v2`. */
import type { ServerMessage } from './server-messages.ts';

/** The types that it knows, with their fields in the order of the document. */
const FIELDS: Readonly<Partial<Record<ServerMessage['type'], readonly string[]>>> = {
  connection_established: ['session_id', 'message', 'authenticated'],
  auth_success: ['message', 'authenticated'],
  auth_error: ['message'],
  response: ['message'],
  processing: ['message'],
  info: ['message'],
  error: ['message'],
  pong: [],
};

/** @returns undefined for a message that it does not know, and for the rest of a turn that ended with an `error`. */
export function basic(message: ServerMessage): ServerMessage | undefined {
  const fields = FIELDS[message.type];
  if (fields === undefined || (message.type === 'response' && message.stopped === 'failed')) return undefined;
  const all = message as unknown as Record<string, unknown>;
  return { type: message.type, ...Object.fromEntries(fields.map((name) => [name, all[name]])) } as ServerMessage;
}
