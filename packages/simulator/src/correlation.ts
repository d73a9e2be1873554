/**
 * What proves whose an answer is. All clients use the same ids, and each call carries a text that exists once: the run, the client and
 * the call. A server that gives it back shows whose answer this is, wherever it arrives.
 */
export interface Owner {
  client: number;
  call: number;
}

/** Plain letters, digits and a dash at the start and a dot at the end: no JSON escapes, no number that begins another. */
export const correlationPrefix = (run: string): string => `sim-${run}-`;
export const correlationIdOf = (prefix: string, client: number, call: number): string => `${prefix}${client}-${call}.`;

/** Whose correlation ids are in `text`; the first ones, as a list that a client asked for may have thousands. */
export function ownersIn(text: string, prefix: string, most = 16): Owner[] {
  const owners: Owner[] = [];
  for (let at = text.indexOf(prefix); at !== -1 && owners.length < most; at = text.indexOf(prefix, at + 1)) {
    const [, client, call] = /^(\d+)-(\d+)\./.exec(text.slice(at + prefix.length, at + prefix.length + 40)) ?? [];
    if (client !== undefined) owners.push({ client: Number(client), call: Number(call) });
  }
  return owners;
}
