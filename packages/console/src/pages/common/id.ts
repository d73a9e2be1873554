/** A random id. `crypto.randomUUID` would do, but a page that came over plain HTTP has none. */
export function newId(): string {
  return [...crypto.getRandomValues(new Uint8Array(16))].map((byte) => byte.toString(16).padStart(2, '0')).join('');
}
