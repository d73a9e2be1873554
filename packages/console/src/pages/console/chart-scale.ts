/** A round number that is no less, so that the scale can be read: 1, 2, 2.5, 5 and ten times as much. */
export function niceCeiling(value: number): number {
  if (value <= 0) return 1;
  const power = 10 ** Math.floor(Math.log10(value));
  const step = [1, 2, 2.5, 5, 10].find((each) => each * power >= value)!;
  return step * power;
}

/** The same for bytes: a power of 2, or one and a half of it. */
export function niceBytes(value: number): number {
  if (value <= 1) return 1;
  const power = 2 ** Math.floor(Math.log2(value));
  return [1, 1.5, 2].find((each) => each * power >= value)! * power;
}
