import type { JSX } from 'preact';
import { niceBytes } from './chart-scale.ts';
import { Chart } from './chart.tsx';
import type { Change, Upstream } from './facts.ts';
import type { Page } from './page.ts';
import { RangeChoice, rangeOf } from './range-choice.tsx';
import { share, size } from './words.ts';

/** What the stream is asked for. */
export const usageTopicOf = (page: Page, { name }: Upstream): string => `usage.${rangeOf(page)}:${name}`;

interface ServerUsageProps {
  readonly page: Page;
  readonly upstream: Upstream;
  readonly changes: readonly Change[];
}

/** Memory and processor time of its processes over time; nothing where none was ever measured. */
export function ServerUsage({ page, upstream, changes }: ServerUsageProps): JSX.Element | null {
  const usage = page.live!.state.usage[usageTopicOf(page, upstream)];
  const isMeasured = upstream.members.some(({ memoryBytes }) => memoryBytes !== undefined);
  const isLoading = usage === undefined && rangeOf(page) !== 'minute';
  if (!isMeasured && !isLoading && usage?.memoryBytes.some((bytes) => bytes !== null) !== true) return null;
  return (
    <>
      <h3>What it uses</h3>
      <RangeChoice page={page} />
      <div class="charts" aria-busy={usage === undefined}>
        {usage !== undefined && (
          <>
            <Chart
              title="Memory of its processes"
              group="server"
              {...usage}
              changes={changes}
              format={size}
              ceiling={niceBytes}
              series={[{ label: 'Resident', tone: 'accent', values: usage.memoryBytes, area: true }]}
            />
            <Chart
              title="Processor time"
              group="server"
              {...usage}
              changes={changes}
              format={share}
              ceiling={(most) => Math.max(0.1, Math.ceil(most * 10) / 10)}
              series={[{ label: 'Of one core', tone: 'second', values: usage.cores, area: true }]}
            />
          </>
        )}
      </div>
    </>
  );
}
