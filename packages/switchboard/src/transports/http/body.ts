import { createHash } from 'node:crypto';
import type { IncomingMessage } from 'node:http';

import { SwitchboardError } from '../../protocol/errors.ts';

/** What a body has to be, and what to say of another; of requests whose sender has told it. */
const expected: WeakMap<IncomingMessage, { digest: string; refuse: () => SwitchboardError }> = new WeakMap();

/** The SHA-256 of a body, as Base64 for URLs. */
export const digestOfBody = (body: Buffer | string): string => createHash('sha256').update(body).digest('base64url');

/** From now on {@link readBytes} rejects with `refuse()` where the body has another digest. */
export function expectDigest(request: IncomingMessage, digest: string, refuse: () => SwitchboardError): void {
  expected.set(request, { digest, refuse });
}

/**
 * Reads a request's body.
 *
 * @throws {SwitchboardError} `SWB_MESSAGE_TOO_LARGE` as soon as it is known, without reading the rest; `SWB_CLIENT_GONE` when the
 * client hangs up; what {@link expectDigest} has for a body that was changed.
 */
export function readBytes(request: IncomingMessage, maxBytes: number): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const tooLarge = (bytes: number): void => {
      const detail = `${bytes} bytes, the limit is ${maxBytes} (maxMessageSize)`;
      reject(new SwitchboardError('SWB_MESSAGE_TOO_LARGE', { detail }));
    };
    const announced = Number(request.headers['content-length']);
    if (announced > maxBytes) {
      tooLarge(announced);
      return;
    }
    const chunks: Buffer[] = [];
    let bytes = 0;
    request.on('data', (chunk: Buffer) => {
      bytes += chunk.length;
      if (bytes <= maxBytes) chunks.push(chunk);
      else {
        request.pause();
        chunks.length = 0;
        tooLarge(bytes);
      }
    });
    // Every request closes in the end; an error is made only for those that had not been read by then.
    const gone = (cause?: Error): void => reject(new SwitchboardError('SWB_CLIENT_GONE', cause && { cause }));
    request.once('end', () => {
      request.off('close', gone);
      const body = chunks.length === 1 ? chunks[0]! : Buffer.concat(chunks);
      const known = expected.get(request);
      if (known === undefined || known.digest === digestOfBody(body)) resolve(body);
      else reject(known.refuse());
    });
    request.once('error', gone);
    request.once('close', gone);
  });
}

/** Reads a request's body as text. @throws as {@link readBytes} */
export const readBody = async (request: IncomingMessage, maxBytes: number): Promise<string> =>
  (await readBytes(request, maxBytes)).toString('utf8');

/** A plain request of a web page cannot carry this type. Compressed bodies are not taken either. @throws {SwitchboardError} `SWB_UNSUPPORTED_MEDIA_TYPE` */
export function requireJson({ headers }: IncomingMessage): void {
  const { 'content-type': type, 'content-encoding': encoding } = headers;
  if (encoding !== undefined && !/^identity$/i.test(encoding)) {
    // What is compressed may be a thousand times larger than it looks.
    const detail = `and no Content-Encoding, got ${JSON.stringify(encoding)}`;
    throw new SwitchboardError('SWB_UNSUPPORTED_MEDIA_TYPE', { detail });
  }
  if (type !== undefined && /^application\/json\s*(;|$)/i.test(type)) return;
  throw new SwitchboardError('SWB_UNSUPPORTED_MEDIA_TYPE', { detail: `got ${JSON.stringify(type ?? 'none')}` });
}
