/**
 * The messages of the chat, as the page sends and reads them: the types that the chat itself has for `chat.v2`. Only types are taken from
 * there, so that nothing of it is loaded with the page.
 */
import type { CHAT_V2 as Subprotocol, Presence, Processing, Response } from 'mcp-switchboard-chat/protocol';
import type { ServerMessage as AnyServerMessage } from 'mcp-switchboard-chat/protocol';

export type {
  Answer,
  ApprovalRequest,
  ClientMessage,
  Ended,
  Entry,
  Export,
  Image,
  Question,
  Stopped,
  ToolSummary,
  Usage,
} from 'mcp-switchboard-chat/protocol';

export const CHAT_V2: typeof Subprotocol = 'chat.v2';

export type Person = Presence['people'][number];

/** With `chat.v2`, fields are there that the first level has not. */
type With<Message, Field extends keyof Message> = Message & Required<Pick<Message, Field>>;
export type ServerMessage =
  | Exclude<AnyServerMessage, Processing | Response>
  | With<Processing, 'turn'>
  | With<Response, 'turn' | 'seq' | 'stopped'>;
