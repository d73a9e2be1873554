/**
 * The WebSocket close codes that Switchboard sends, and whether a client should come back after each.
 * PROTOCOL.md explains them; a test compares the two.
 */
export const CLOSE_CODES = {
  normal: { code: 1000, reconnect: false, meaning: 'done, or replaced by a newer connection' },
  goingAway: { code: 1001, reconnect: true, meaning: 'the server is shutting down' },
  protocol: {
    code: 1002,
    reconnect: false,
    meaning: 'the peer broke the protocol, or kept sending unreadable messages',
  },
  binary: { code: 1003, reconnect: false, meaning: 'a binary message arrived; MCP messages are text' },
  invalidText: { code: 1007, reconnect: false, meaning: 'a text message was not valid UTF-8' },
  policy: { code: 1008, reconnect: false, meaning: 'refused by policy' },
  tooBig: { code: 1009, reconnect: false, meaning: 'a message was over the size limit' },
  internal: { code: 1011, reconnect: true, meaning: 'the server failed' },
  restart: { code: 1012, reconnect: true, meaning: 'the server is restarting' },
  overloaded: { code: 1013, reconnect: true, meaning: 'a limit was reached; try again later' },
  unauthorized: {
    code: 3000,
    reconnect: true,
    meaning: 'what the client showed has expired or was taken back; come back with something newer',
  },
  idle: { code: 3008, reconnect: false, meaning: 'nothing was heard for the idle time' },
} as const;

/** The name of a close code. */
export type CloseName = keyof typeof CLOSE_CODES;
