import { describe, expect, it } from 'vitest';

import { LineSplitter } from '../../src/transports/stdio/lines.ts';

function split(maxBytes: number, chunks: readonly (string | Buffer)[]): { lines: string[]; overflows: number } {
  const lines: string[] = [];
  let overflows = 0;
  const splitter = new LineSplitter(
    maxBytes,
    (line) => lines.push(line.toString().trim()),
    () => overflows++,
  );
  for (const chunk of chunks) splitter.push(Buffer.from(chunk));
  return { lines, overflows };
}

describe('LineSplitter', () => {
  it('joins what chunks divide, also inside a character', () => {
    const bytes = Buffer.from('{"a":"ü€"}\n{"b":1}\r\n\n  \nrest');
    for (let size = 1; size <= bytes.length; size++) {
      const chunks = Array.from({ length: Math.ceil(bytes.length / size) }, (_, n) =>
        bytes.subarray(n * size, (n + 1) * size),
      );
      expect(split(100, chunks).lines).toEqual(['{"a":"ü€"}', '{"b":1}']);
    }
  });

  it('drops a line over the limit up to its end, tells once, and goes on', () => {
    const { lines, overflows } = split(5, ['12345\n', '123', '456', '7890123', '\nok\n', '12345678\n', 'ab\n']);
    expect(lines).toEqual(['12345', 'ok', 'ab']);
    expect(overflows).toBe(2);
  });
});
