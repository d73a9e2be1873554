/** What a client offers to get more than the first messages. */
export const CHAT_V2 = 'chat.v2';
