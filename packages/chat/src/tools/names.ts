/** The names under which a model is offered tools: letters, digits, dashes and underscores, 64 at most, each one once. */
import { createHash } from 'node:crypto';

const MAX_NAME = 64;
const HASH_LENGTH = 8;

/**
 * @param server put before the name where there are several.
 * @param isTaken whether another tool has this name already.
 */
export function nameFor(name: string, server: string | undefined, isTaken: (name: string) => boolean): string {
  const whole = server === undefined ? name : `${server}__${name}`;
  const plain = whole.replaceAll(/[^A-Za-z0-9_-]/g, '_');
  if (plain.length <= MAX_NAME && !isTaken(plain)) return plain;
  // A server may have a tool that is called like the result, too.
  for (let nth = 0; ; nth++) {
    const text = nth === 0 ? whole : `${whole} ${nth}`;
    const hash = createHash('sha256').update(text).digest('hex').slice(0, HASH_LENGTH);
    const hashed = `${plain.slice(0, MAX_NAME - HASH_LENGTH - 1)}_${hash}`;
    if (!isTaken(hashed)) return hashed;
  }
}
