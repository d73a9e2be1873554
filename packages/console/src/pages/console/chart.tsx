import type { JSX } from 'preact';
import { useEffect, useLayoutEffect, useRef, useState } from 'preact/hooks';
import { niceCeiling } from './chart-scale.ts';
import type { Change } from './facts.ts';
import { Plot, type Series } from './plot.ts';
import { clock } from './words.ts';

export interface ChartProps {
  readonly title: string;
  /** Charts of one group are pointed at together. */
  readonly group: string;
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

/** So many changes of one step are said; a step of a day takes 5 minutes. */
const MAX_HERE = 5;

/** Values over time: the newest are said above, or those at which somebody points. */
export function Chart({
  title,
  group,
  from,
  stepMs,
  series,
  changes,
  format,
  ceiling = niceCeiling,
}: ChartProps): JSX.Element {
  const [pointed, setPointed] = useState<number>();
  const length = series[0]?.values.length ?? 0;
  const at = Math.min(pointed ?? length - 1, length - 1);
  const top = ceiling(Math.max(...series.flatMap(({ values }) => values.map((value) => value ?? 0))));
  const host = useRef<HTMLDivElement>(null);
  const plot = useRef<Plot | undefined>(undefined);
  const drawing = { from, stepMs, series, top, axes: { changes, group, format } };
  useLayoutEffect(() => {
    plot.current = new Plot(host.current!, drawing, setPointed);
    return () => plot.current!.close();
  }, [series.length, group]);
  useEffect(() => plot.current!.show(drawing), [from, stepMs, series, top, changes]);

  const here = changes.filter(({ time }) => Math.floor((time - from) / stepMs) === at);
  const said = (value: number | null | undefined): string =>
    value === null || value === undefined ? '–' : format(value);
  const time = clock(from + at * stepMs);
  const onTouch = (event: PointerEvent): void => {
    if (event.pointerType !== 'mouse') plot.current!.pointAt(event.clientX);
  };
  const onKeyDown = (event: KeyboardEvent): void => {
    const step = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
    if (step === undefined) return;
    event.preventDefault();
    plot.current!.point(Math.min(length - 1, Math.max(0, at + step)));
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
        onPointerDown={onTouch}
        onPointerMove={onTouch}
        onPointerCancel={() => plot.current!.point(undefined)}
        onBlur={() => plot.current!.point(undefined)}
        onKeyDown={onKeyDown}
      >
        <div ref={host} class="drawing" aria-hidden="true" />
        {pointed !== undefined && here.length > 0 && (
          <p class="here">
            {here
              .slice(-MAX_HERE)
              .map(({ upstream, text }) => [upstream, text].filter(Boolean).join(': '))
              .join(' · ')}
            {here.length > MAX_HERE && ` · and ${here.length - MAX_HERE} before`}
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
  const host = useRef<HTMLDivElement>(null);
  const plot = useRef<Plot | undefined>(undefined);
  const series: readonly Series[] = [{ label, tone: 'accent', values, area: true }];
  const drawing = { from: 0, stepMs: 1, series, top: Math.max(1, ...values) };
  useLayoutEffect(() => {
    plot.current = new Plot(host.current!, drawing);
    return () => plot.current!.close();
  }, []);
  useEffect(() => plot.current!.show(drawing), [values]);
  return <div ref={host} class="sparkline" role="img" aria-label={label} />;
}
