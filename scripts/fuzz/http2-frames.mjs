/** Frames of HTTP/2 by hand (RFC 9113, section 4.1), and heads in them (RFC 7541, section 6.2.2). */
export const TYPE = { data: 0, headers: 1, reset: 3, settings: 4, ping: 6, goAway: 7, window: 8, continuation: 9 };
export const END_STREAM = 0x1;
export const END_HEADERS = 0x4;
export const PREFACE = Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n');

/** @param payload as it is: whether it fits its type is not looked at. */
export function frameOf(type, flags, stream, payload = Buffer.alloc(0)) {
  const head = Buffer.alloc(9);
  head.writeUIntBE(payload.length, 0, 3);
  head[3] = type;
  head[4] = flags;
  head.writeUInt32BE(stream, 5);
  return Buffer.concat([head, payload]);
}

function textOf(text) {
  const bytes = Buffer.from(text);
  if (bytes.length < 127) return Buffer.concat([Buffer.from([bytes.length]), bytes]);
  const more = bytes.length - 127;
  return Buffer.concat([Buffer.from([127, (more & 0x7f) | 0x80, more >> 7]), bytes]);
}
/** The block of a head: each field a literal without a table, as it is. */
export const blockOf = (fields) =>
  Buffer.concat(fields.flatMap(([name, value]) => [Buffer.from([0]), textOf(name), textOf(value)]));
