import type { JSX } from 'preact';
import type { Range } from './live-state.ts';
import type { Page } from './page.ts';

const LABELS: Readonly<Record<Range, string>> = { minute: 'Minute', hour: 'Hour', day: 'Day' };
const RANGES = Object.keys(LABELS) as Range[];

/** The one that the address names. */
export const rangeOf = ({ place }: Page): Range => RANGES.find((each) => each === place.params['range']) ?? 'minute';

/** How far back the charts go; the address says it. */
export function RangeChoice({ page }: { readonly page: Page }): JSX.Element {
  const range = rangeOf(page);
  return (
    <div class="range" role="radiogroup" aria-label="How far back">
      {RANGES.map((each) => (
        <label key={each}>
          <input
            type="radio"
            name="range"
            checked={range === each}
            onChange={() => page.show({ range: each === 'minute' ? undefined : each }, false)}
          />
          {LABELS[each]}
        </label>
      ))}
    </div>
  );
}
