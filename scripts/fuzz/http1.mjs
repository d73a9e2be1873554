/** What nobody would send over HTTP/1.1: requests, upgrades, and the frames after them. */

const HEADERS = [
  'Content-Type: application/json',
  'Accept: */*',
  'Accept: application/json, text/event-stream',
  'Transfer-Encoding: chunked',
  'Content-Length: 5',
  'Content-Length: -1',
  'Expect: 100-continue',
  'Connection: close',
  'Connection: Upgrade',
  'Upgrade: websocket',
  'Upgrade: h2c',
  'Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==',
  'Sec-WebSocket-Version: 13',
  'Sec-WebSocket-Version: 99',
  'Sec-WebSocket-Protocol: mcp',
  'Sec-WebSocket-Protocol: mcp.r1',
  'Sec-WebSocket-Protocol: ,,,',
  'Sec-WebSocket-Extensions: permessage-deflate; server_max_window_bits=99',
  'Origin: null',
  'Mcp-Session-Id: x',
  'Last-Event-ID: 1--1',
  'MCP-Protocol-Version: 2026-07-28',
  'Mcp-Method: tools/call',
  'Mcp-Name: =?base64?%%?=',
  'Content-Encoding: gzip',
  'X-Forwarded-For: ,,,',
  'Host: evil.example',
];

const GREETING =
  '{"jsonrpc":"2.0","id":0,"method":"initialize","params":{"protocolVersion":"2025-03-26","capabilities":{"elicitation":{}},"clientInfo":{"name":"f","version":"1"}}}';

/**
 * @param message makes one that is nearly right.
 * @param odd makes one with values of other types.
 * @param target says which session is open.
 * @returns what makes one attack each, as bytes.
 */
export function createHttp1({ next, below, pick, some, mutate }, message, odd, target) {
  /** In a session that is open, a proper request but for its message. */
  function oddHttp() {
    const body = odd();
    const modern = body.includes('clientCapabilities');
    const method = /"method":"([\w/]+)"/.exec(body)?.[1] ?? 'x';
    const version = modern
      ? ['MCP-Protocol-Version: 2026-07-28', `Mcp-Method: ${method}`, 'Mcp-Name: echo']
      : [`Mcp-Session-Id: ${target.session}`, 'MCP-Protocol-Version: 2025-11-25'];
    const head = ['POST /mcp HTTP/1.1', 'Host: localhost', 'Content-Type: application/json', 'Accept: */*', ...version];
    const length = `Content-Length: ${Buffer.byteLength(body)}`;
    return Buffer.from(`${[...head, 'Connection: close', length].join('\r\n')}\r\n\r\n${body}`);
  }

  function http() {
    const body = message();
    const lines = [
      `${pick(['POST', 'POST', 'GET', 'DELETE', 'OPTIONS', 'PUT', 'CONNECT', 'PRI'])} ${pick(['/mcp', '/mcp', '/mcp/x', '/', '/metrics', '/healthz', '*', 'http://a/', '/mcp?%00', '//'])} HTTP/1.1`,
      'Host: localhost',
      ...some(5, () => pick(HEADERS)),
    ];
    if (next() < 0.7)
      lines.push(
        'Content-Type: application/json',
        `Content-Length: ${Buffer.byteLength(body) + pick([0, 0, 0, 1, -1])}`,
      );
    return Buffer.from(`${lines.join('\r\n')}\r\n\r\n${body}${next() < 0.2 ? `\r\n${body}` : ''}`);
  }

  /** A frame that is masked, as those of clients are, if the dice say so. */
  const frame = () => frameOf(Buffer.from(pick([message, odd, () => 'x'.repeat(below(70_000)), () => '']).call()));

  function frameOf(payload, isWhole = false) {
    const mask = Buffer.from(some(0, () => 0).concat([1, 2, 3, 4].map(() => below(256))));
    const masked = isWhole || next() < 0.95;
    const body = masked ? Buffer.from(payload.map((byte, at) => byte ^ mask[at % 4])) : payload;
    const first = isWhole ? 0x81 : pick([0x81, 0x81, 0x81, 0x81, 0x01, 0x80, 0x82, 0x88, 0x89, 0x8a, 0xc1, 0x83, 0xf1]);
    const bit = masked ? 0x80 : 0;
    let size;
    if (body.length < 126) size = Buffer.from([first, bit | body.length]);
    else {
      const long = (!isWhole && next() < 0.1) || body.length > 65_535;
      size = Buffer.alloc(long ? 10 : 4);
      size[0] = first;
      size[1] = bit | (long ? 127 : 126);
      if (long) size.writeBigUInt64BE(!isWhole && next() < 0.1 ? 2n ** 63n - 1n : BigInt(body.length), 2);
      else size.writeUInt16BE(body.length, 2);
    }
    return Buffer.concat([size, ...(masked ? [mask] : []), body]);
  }

  /** A session, and in it what has values of other types. */
  function oddWebSocket() {
    const frames = [GREETING, ...some(40, odd)].map((text) => frameOf(Buffer.from(text), true));
    return Buffer.concat([upgrade(), ...frames]);
  }

  const upgrade = () =>
    Buffer.from(
      `GET /mcp HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\nSec-WebSocket-Protocol: ${pick(['mcp', 'mcp', 'mcp.r1', 'mcp.r1, mcp'])}\r\n\r\n`,
    );

  function webSocket() {
    return Buffer.concat([upgrade(), ...some(8, () => (next() < 0.7 ? frame() : mutate(frame())))]);
  }

  return { http, oddHttp, frame, webSocket, oddWebSocket };
}
