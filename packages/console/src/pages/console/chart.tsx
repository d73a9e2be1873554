import type { JSX } from 'preact';
import { useState } from 'preact/hooks';
import { areaPath, HEIGHT, linePath, niceCeiling } from './chart-path.ts';
import type { Change } from './facts.ts';
import { clock } from './words.ts';

export interface Series {
  readonly label: string;
  readonly tone: 'accent' | 'second' | 'bad';
  readonly values: readonly (number | null)[];
  readonly area?: boolean;
}

export interface ChartProps {
  readonly title: string;
  /** When the first value began, in ms since 1970, and how long each is. */
  readonly from: number;
  readonly stepMs: number;
  readonly series: readonly Series[];
  /** Marked on the axis of time. */
  readonly changes: readonly Change[];
  format(value: number): string;
  /** The top of the scale for the most that is shown. @default a round number */
  ceiling?(value: number): number;
}

/** Values over time: the newest are said above, or those at which somebody points. */
export function Chart({
  title,
  from,
  stepMs,
  series,
  changes,
  format,
  ceiling = niceCeiling,
}: ChartProps): JSX.Element {
  const [pointed, point] = useState<number>();
  const length = series[0]?.values.length ?? 0;
  const at = Math.min(pointed ?? length - 1, length - 1);
  const most = Math.max(...series.flatMap(({ values }) => values.map((value) => value ?? 0)));
  const top = ceiling(most);
  const seen = changes.filter(({ time }) => time >= from && time < from + length * stepMs);
  const indexOf = (time: number): number => (time - from) / stepMs;
  const here = seen.filter(({ time }) => Math.floor(indexOf(time)) === at);
  const said = (value: number | null | undefined): string =>
    value === null || value === undefined ? '–' : format(value);
  const time = clock(from + at * stepMs);
  const onPointer = (event: PointerEvent): void => {
    const box = (event.currentTarget as Element).getBoundingClientRect();
    point(Math.min(length - 1, Math.max(0, Math.floor(((event.clientX - box.left) / box.width) * length))));
  };
  const onKeyDown = (event: KeyboardEvent): void => {
    const step = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
    if (step === undefined) return;
    event.preventDefault();
    point(Math.min(length - 1, Math.max(0, at + step)));
  };
  const spoken = series.map(({ label, values }) => `${label} ${said(values[at])}`).join(', ');
  return (
    <section class="chart" aria-label={title}>
      <header>
        <h2>{title}</h2>
        <p class="chart-time">{pointed === undefined ? '' : time}</p>
      </header>
      <dl class="figures">
        {series.map(({ label, tone, values }) => (
          <div key={label}>
            <dt>
              <i class={`swatch ${tone}`} />
              {label}
            </dt>
            <dd>{said(values[at])}</dd>
          </div>
        ))}
      </dl>
      <div
        class="plot"
        role="slider"
        tabIndex={0}
        aria-label={`${title} over time`}
        aria-valuemin={0}
        aria-valuemax={Math.max(0, length - 1)}
        aria-valuenow={at}
        aria-valuetext={`${time}: ${spoken}`}
        onPointerMove={onPointer}
        onPointerLeave={() => point(undefined)}
        onBlur={() => point(undefined)}
        onKeyDown={onKeyDown}
      >
        <svg viewBox={`0 0 ${Math.max(1, length)} ${HEIGHT}`} preserveAspectRatio="none" aria-hidden="true">
          <line class="rule" x1="0" x2={length} y1="0.5" y2="0.5" />
          <line class="rule" x1="0" x2={length} y1={HEIGHT / 2} y2={HEIGHT / 2} />
          <line class="rule ground" x1="0" x2={length} y1={HEIGHT - 0.5} y2={HEIGHT - 0.5} />
          {series.map(({ label, tone, values, area }) => (
            <g key={label} class={tone}>
              {area === true && <path class="area" d={areaPath(values, top)} />}
              <path class="curve" d={linePath(values, top)} />
            </g>
          ))}
          {seen.map((change, nth) => (
            <line
              key={nth}
              class={`mark-${change.level}`}
              x1={indexOf(change.time)}
              x2={indexOf(change.time)}
              y1="0"
              y2={HEIGHT}
            />
          ))}
          {pointed !== undefined && <line class="pointer" x1={at + 0.5} x2={at + 0.5} y1="0" y2={HEIGHT} />}
        </svg>
        <span class="scale">{most > 0 ? format(top) : ''}</span>
        {pointed !== undefined && here.length > 0 && (
          <p class="here">
            {here.map(({ upstream, text }) => [upstream, text].filter(Boolean).join(': ')).join(' · ')}
          </p>
        )}
      </div>
    </section>
  );
}

/** Without axis or words, beside a name. */
export function Sparkline({
  values,
  label,
}: {
  readonly values: readonly number[];
  readonly label: string;
}): JSX.Element {
  const top = Math.max(1, ...values);
  return (
    <svg
      class="sparkline accent"
      viewBox={`0 0 ${values.length} ${HEIGHT}`}
      preserveAspectRatio="none"
      role="img"
      aria-label={label}
    >
      <path class="area" d={areaPath(values, top)} />
      <path class="curve" d={linePath(values, top)} />
    </svg>
  );
}
