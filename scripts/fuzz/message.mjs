/** Messages of JSON-RPC that are nearly right. */

const IDS = [
  '1',
  '"1"',
  '0',
  '""',
  'null',
  '1.5',
  '-0',
  '1e400',
  '123456789012345678901234567890',
  '{}',
  '"__proto__"',
];
const METHODS = [
  'initialize',
  'ping',
  'tools/list',
  'tools/call',
  'notifications/initialized',
  'notifications/cancelled',
  '__proto__',
  '',
  '\\u0000',
  'subscriptions/listen',
  'server/discover',
  'switchboard/resume',
  'completion/complete',
  'resources/read',
];
const VALUES = [
  '{}',
  '[]',
  'null',
  '"x"',
  '{"name":"echo","arguments":{"text":"x"}}',
  '{"__proto__":{"a":1}}',
  '{"protocolVersion":"2025-11-25","capabilities":{},"clientInfo":{"name":"f","version":"1"}}',
  '{"_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientCapabilities":{},"progressToken":1}}',
  '{"requestId":1}',
  '{"uri":"%%%"}',
  `${'['.repeat(700)}${']'.repeat(700)}`,
];

/** @returns what makes one, as text. */
export const createMessages =
  ({ next, pick }) =>
  () =>
    `{"jsonrpc":"2.0",${next() < 0.8 ? `"id":${pick(IDS)},` : ''}"method":"${pick(METHODS)}","params":${pick(VALUES)}}`;
