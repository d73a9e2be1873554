/** Chances that a seed decides, so that what was sent can be sent again. */

/** mulberry32: small, and the same everywhere. */
function random(seed) {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** All chances of one run. @param seed what decides them. */
export function createDice(seed) {
  const next = random(seed);
  const below = (limit) => Math.floor(next() * limit);
  const pick = (list) => list[below(list.length)];
  const some = (most, make) => Array.from({ length: below(most + 1) }, make);

  /** Some bytes changed, left out, doubled or cut off. */
  function mutate(bytes) {
    let out = Buffer.from(bytes);
    for (let n = below(4); n > 0 && out.length > 0; n--) {
      const at = below(out.length);
      const kind = below(4);
      if (kind === 0) out[at] = below(256);
      else if (kind === 1) out = Buffer.concat([out.subarray(0, at), out.subarray(at + 1 + below(8))]);
      else if (kind === 2) out = Buffer.concat([out.subarray(0, at), out.subarray(Math.max(0, at - below(32)))]);
      else out = out.subarray(0, at);
    }
    return out;
  }
  return { next, below, pick, some, mutate };
}
