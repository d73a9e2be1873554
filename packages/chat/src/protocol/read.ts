/** Reads what a client sends. */
import { ChatFailure } from '../failure.ts';
import { BASIC_TYPES, clientMessageSchema } from './client-messages.ts';
import type { ClientMessage } from './client-messages.ts';
import type { OwnMessage } from './own-messages.ts';

/** How much of a client's own text an error repeats. */
const MAX_REPEATED = 64;

/**
 * @param own whether the program has a handler for messages of a type.
 * @throws {ChatFailure} `unknown_type`, `invalid_message` that says what is wrong, and repeats no value.
 */
export function readMessage(
  text: string,
  isV2: boolean,
  own: (type: string) => boolean,
): ClientMessage | { own: OwnMessage } {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    // People type into simple clients, too.
    return { type: 'query', content: text.trim() };
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw new ChatFailure('invalid_message', 'Error processing message: expected a JSON object with a type');
  }
  const { type = 'query' } = value as { type?: unknown };
  if (typeof type === 'string' && own(type)) return { own: { ...value, type } };
  // Without one of the two there is nothing to check, and the answer to that is an `auth_error`.
  const missing = type === 'auth' ? { api_key: '', org_id: '' } : {};
  const given = Object.fromEntries(Object.entries(value).filter(([, each]) => type !== 'auth' || each !== null));
  const parsed = clientMessageSchema.safeParse({ ...missing, ...given, type });
  if (parsed.success && (isV2 || BASIC_TYPES.includes(parsed.data.type))) return parsed.data;
  const isKnown = !parsed.success && !parsed.error.issues.some(({ path }) => path[0] === 'type');
  if (!isKnown || (!isV2 && !BASIC_TYPES.includes(String(type)))) {
    throw new ChatFailure('unknown_type', `Unknown message type: ${String(type).slice(0, MAX_REPEATED)}`);
  }
  const [issue] = parsed.error.issues;
  const where = issue?.path.join('.') ?? '';
  throw new ChatFailure('invalid_message', `Error processing message: ${where}: ${issue?.message ?? 'cannot be read'}`);
}
