/** The messages of the chat (docs/reference/chat-protocol.md), as types and as Zod schemas. */
export { CHAT_V2 } from './protocol/subprotocol.ts';
export { clientMessageSchema } from './protocol/client-messages.ts';
export { serverMessageSchema } from './protocol/server-messages.ts';
export { entrySchema } from './protocol/history.ts';
export type * from './protocol/client-messages.ts';
export type * from './protocol/server-messages.ts';
export type * from './protocol/history.ts';
