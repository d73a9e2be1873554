/** What of a message a client gets that has not agreed on `chat.v2`. */
import { cut } from '../tools/result.ts';
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

/** The most that a question in words shows of a call's arguments, in characters. */
const MAX_ARGUMENTS = 4000;

/**
 * An approval is asked for in words. @returns undefined for a message that it does not know, and for the rest of a turn that ended with an
 * `error`.
 */
export function basic(message: ServerMessage): ServerMessage | undefined {
  if (message.type === 'approval_request') {
    const written = cut(JSON.stringify(message.arguments), MAX_ARGUMENTS);
    return { type: 'info', message: `${message.message}\n${message.name} ${written}\nAnswer yes or no.` };
  }
  const fields = FIELDS[message.type];
  if (fields === undefined || (message.type === 'response' && message.stopped === 'failed')) return undefined;
  const all = message as unknown as Record<string, unknown>;
  return { type: message.type, ...Object.fromEntries(fields.map((name) => [name, all[name]])) } as ServerMessage;
}
