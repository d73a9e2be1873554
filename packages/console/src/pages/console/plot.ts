/** The drawing of a chart, by uPlot, in the colours and the type of the page. */
import uPlot from 'uplot';
import 'uplot/dist/uPlot.min.css';
import type { Change } from './facts.ts';
import { clock } from './words.ts';

export interface Series {
  readonly label: string;
  readonly tone: 'accent' | 'second' | 'good' | 'bad';
  /** What was not measured is a gap. */
  readonly values: readonly (number | null)[];
  readonly area?: boolean;
}

export interface Drawing {
  /** When the first value began, in ms since 1970, and how long each is. */
  readonly from: number;
  readonly stepMs: number;
  /** As many as at first, of equal length. */
  readonly series: readonly Series[];
  /** The top of the scale. */
  readonly top: number;
  /** Without: only the curves, with nothing to point at. */
  readonly axes?: {
    readonly changes: readonly Change[];
    /** Charts of one group are pointed at together. */
    readonly group: string;
    format(value: number): string;
  };
}

/** All charts of a page are as wide to the left of their curves, so that what happened at one time stands below each other. */
const SCALE_WIDTH = 56;
const TIME_HEIGHT = 20;
const MARKS = {
  info: { colour: '--ink-2', width: 1, dash: [2, 3] },
  warn: { colour: '--warn', width: 1, dash: [4, 2] },
  error: { colour: '--bad', width: 1.5, dash: [] },
} as const;

export class Plot {
  readonly #host: HTMLElement;
  readonly #chart: uPlot;
  readonly #end = new AbortController();
  #drawing: Drawing;

  /** Fills the room that `host` has, whatever it comes to be. `onPoint` is told which value is pointed at. */
  constructor(host: HTMLElement, drawing: Drawing, onPoint?: (at: number | undefined) => void) {
    this.#host = host;
    this.#drawing = drawing;
    this.#chart = new uPlot(this.#options(onPoint), this.#data(), host);
    const sizes = new ResizeObserver(() => {
      // What is not shown has no room.
      if (host.clientWidth > 0) this.#chart.setSize(this.#room());
    });
    sizes.observe(host);
    const redraw = (): void => this.#chart.redraw(false);
    const theme = new MutationObserver(redraw);
    theme.observe(document.documentElement, { attributeFilter: ['data-theme'] });
    const { signal } = this.#end;
    matchMedia('(prefers-color-scheme: dark)').addEventListener('change', redraw, { signal });
    signal.addEventListener('abort', () => {
      sizes.disconnect();
      theme.disconnect();
      this.#chart.destroy();
    });
  }

  show(drawing: Drawing): void {
    this.#drawing = drawing;
    this.#chart.setData(this.#data());
  }

  /** Points at a value, or at none, in the other charts of the group too. */
  point(at: number | undefined): void {
    const { over } = this.#chart;
    if (at === undefined) over.dispatchEvent(new MouseEvent('mouseleave'));
    else this.pointAt(over.getBoundingClientRect().left + this.#chart.valToPos(this.#timeOf(at), 'x'));
  }

  /** Points at what is at a place of the window, in px from its left edge. */
  pointAt(clientX: number): void {
    const { over } = this.#chart;
    over.dispatchEvent(new MouseEvent('mousemove', { clientX, clientY: over.getBoundingClientRect().top }));
  }

  close(): void {
    this.#end.abort();
  }

  /** A value holds for a step of time, and is drawn in the middle of it. */
  #timeOf(at: number): number {
    return this.#drawing.from + (at + 0.5) * this.#drawing.stepMs;
  }

  #data(): uPlot.AlignedData {
    const { series } = this.#drawing;
    const times = Array.from({ length: series[0]?.values.length ?? 0 }, (_, at) => this.#timeOf(at));
    return [times, ...series.map(({ values }) => [...values])];
  }

  #room(): { width: number; height: number } {
    return { width: this.#host.clientWidth, height: this.#host.clientHeight };
  }

  #colour(name: string): string {
    return getComputedStyle(this.#host).getPropertyValue(name);
  }

  #options(onPoint?: (at: number | undefined) => void): uPlot.Options {
    const { axes, series } = this.#drawing;
    const tone = (nth: number): string => this.#colour(`--${this.#drawing.series[nth - 1]!.tone}`);
    const ends = (): [number, number] => {
      const { from, stepMs, series: shown } = this.#drawing;
      return [from, from + Math.max(1, shown[0]?.values.length ?? 0) * stepMs];
    };
    return {
      ...this.#room(),
      ms: 1,
      padding: axes === undefined ? [1, 0, 1, 0] : [8, 24, 0, 0],
      legend: { show: false },
      scales: { x: { range: ends }, y: { range: () => [0, this.#drawing.top] } },
      axes: axes === undefined ? [{ show: false }, { show: false }] : this.#axes(),
      cursor:
        axes === undefined
          ? { show: false }
          : { y: false, drag: { setScale: false, x: false, y: false }, sync: { key: axes.group } },
      series: [
        {},
        ...series.map(({ label, area }) => ({
          label,
          width: 1.5,
          points: { show: false, filter: lonely },
          stroke: (_: uPlot, nth: number) => tone(nth),
          ...(area === true && {
            fill: (_: uPlot, nth: number) => `color-mix(in srgb, ${tone(nth)} 12%, transparent)`,
          }),
        })),
      ],
      hooks: {
        draw: [(chart) => this.#drawChanges(chart)],
        setCursor: [({ cursor }) => onPoint?.(cursor.idx ?? undefined)],
      },
    };
  }

  #axes(): uPlot.Axis[] {
    const font = `11px ${getComputedStyle(this.#host).fontFamily}`;
    const text = { font, stroke: () => this.#colour('--ink-2'), ticks: { show: false } };
    return [
      {
        ...text,
        grid: { show: false },
        size: TIME_HEIGHT,
        gap: 4,
        space: 72,
        values: (_, times, _axis, _space, stepMs) =>
          times.map((time) => (stepMs < 60_000 ? clock(time) : clock(time).slice(0, 5))),
      },
      {
        ...text,
        grid: { stroke: () => this.#colour('--line'), width: 1 },
        size: SCALE_WIDTH,
        gap: 6,
        splits: () => [0, this.#drawing.top / 2, this.#drawing.top],
        values: (_, values) => values.map((value) => (value === 0 ? '0' : this.#drawing.axes!.format(value))),
      },
    ];
  }

  /** What changed, as lines across the axis of time. */
  #drawChanges(chart: uPlot): void {
    const { ctx, bbox } = chart;
    ctx.save();
    for (const { time, level } of this.#drawing.axes?.changes ?? []) {
      const x = Math.round(chart.valToPos(time, 'x', true));
      if (x < bbox.left || x > bbox.left + bbox.width) continue;
      const { colour, width, dash } = MARKS[level];
      ctx.strokeStyle = this.#colour(colour);
      ctx.lineWidth = width * uPlot.pxRatio;
      ctx.setLineDash(dash.map((each) => each * uPlot.pxRatio));
      ctx.beginPath();
      ctx.moveTo(x, bbox.top);
      ctx.lineTo(x, bbox.top + bbox.height);
      ctx.stroke();
    }
    ctx.restore();
  }
}

/** A value with none on either side makes no line, and is shown as a point. */
function lonely(chart: uPlot, nth: number): number[] {
  const values = chart.data[nth]!;
  return [...values.keys()].filter((at) => values[at] != null && values[at - 1] == null && values[at + 1] == null);
}
