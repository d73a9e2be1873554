/** Where the points of a chart are, on a plane of as many units as there are values by {@link HEIGHT}. */
export const HEIGHT = 100;

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

/** A line through the values, with gaps where there are none. */
export function linePath(values: readonly (number | null)[], top: number): string {
  let isDown = false;
  return values
    .flatMap((value, at) => {
      if (value === null) {
        isDown = false;
        return [];
      }
      const [verb, x] = [isDown ? 'L' : 'M', at + 0.5];
      isDown = true;
      const y = heightOf(value, top);
      // A point with nothing beside it would not be seen.
      const isAlone = verb === 'M' && (values[at + 1] ?? null) === null;
      return [`${verb}${x} ${y}${isAlone ? `h0.01` : ''}`];
    })
    .join('');
}

/** The same down to the ground. */
export function areaPath(values: readonly (number | null)[], top: number): string {
  const points = values.map((value, at) => `${at + 0.5} ${heightOf(value ?? 0, top)}`);
  return `M0.5 ${HEIGHT}L${points.join('L')}L${values.length - 0.5} ${HEIGHT}Z`;
}

const heightOf = (value: number, top: number): number =>
  Math.round((HEIGHT - (Math.min(value, top) / top) * HEIGHT) * 100) / 100;
