/** What a message of HTTP says about its body, and what a client takes. */
import type { IncomingHttpHeaders } from 'node:http';

export const JSON_TYPE = 'application/json';
export const EVENT_STREAM_TYPE = 'text/event-stream';

/** Types are case-insensitive and may have parameters (RFC 9110, section 8.3.1). */
export const isEventStream = ({ 'content-type': type = '' }: IncomingHttpHeaders): boolean =>
  /^\s*text\/event-stream\s*(;|$)/i.test(type);

/** How the body is compressed, although nothing but `identity` was asked for. */
export function encodingOf({ 'content-encoding': encoding }: IncomingHttpHeaders): string | undefined {
  return encoding === undefined || /^\s*(identity)?\s*$/i.test(encoding) ? undefined : encoding;
}

/** Whether an `Accept` header takes a type, by its name, as a range such as `text/*`, or as any (RFC 9110, section 12.5.1). */
export function accepts(header: string, type: string): boolean {
  const [kind = ''] = type.split('/');
  const qualities = qualitiesOf(header);
  // The most specific range counts.
  return (qualities.get(type) ?? qualities.get(`${kind}/*`) ?? qualities.get('*/*') ?? 0) > 0;
}

/** Clients send the same few headers with every request. */
const MAX_REMEMBERED = 64;
const remembered = new Map<string, ReadonlyMap<string, number>>();

function qualitiesOf(header: string): ReadonlyMap<string, number> {
  let qualities = remembered.get(header);
  if (qualities === undefined) {
    qualities = readQualities(header);
    if (remembered.size >= MAX_REMEMBERED) remembered.clear();
    remembered.set(header, qualities);
  }
  return qualities;
}

const readQualities = (header: string): ReadonlyMap<string, number> =>
  new Map(
    header.split(',').map((range) => {
      const [name = '', ...parameters] = range.split(';').map((part) => part.trim().toLowerCase());
      const quality = parameters.find((parameter) => parameter.startsWith('q='));
      return [name, quality === undefined ? 1 : Number(quality.slice(2))];
    }),
  );

/** A byte order mark has no meaning in UTF-8 (RFC 8259, section 8.1; WHATWG HTML, "Parsing an event stream"). */
export const withoutMark = (text: string): string => (text.startsWith('\uFEFF') ? text.slice(1) : text);
