/**
 * Charts of lines and bars. The marks are SVG that is stretched to whatever room there is; every text is HTML over it, so that it keeps its
 * size on a phone.
 */
import { escape } from './html.ts';

export interface Series {
  name: string;
  /** A colour of the page: `a` to `c`. */
  colour: 'a' | 'b' | 'c';
  /** A `y` that was not measured is a gap in the line. */
  points: readonly (readonly [x: number, y: number | undefined])[];
  /** Of the earlier run. */
  faded?: boolean;
}

export interface Chart {
  title: string;
  note?: string;
  kind: 'line' | 'bars';
  series: readonly Series[];
  showX(x: number): string;
  showY(y: number): string;
  /** Of which units nice numbers of the y axis are multiples: 1024 for bytes. @default 1 */
  unit?: number;
  /** What is said where every value is 0. */
  none?: string;
  /** Parts of the x axis in which the run was paused. */
  pauses?: readonly (readonly [from: number, to: number])[];
}

type Measured = readonly [x: number, y: number];

const [WIDTH, HEIGHT] = [1000, 100];
const TICKS = 4;

export function chartOf(chart: Chart): string {
  const { title, note, kind, series, showX, showY, unit = 1, none, pauses = [] } = chart;
  const points = series.flatMap((each) => each.points.filter(isMeasured));
  const legend =
    series.length < 2
      ? ''
      : `<ul class="legend">${series.map(({ name, colour, faded }) => `<li class="${colour}${faded ? ' faded' : ''}">${escape(name)}</li>`).join('')}</ul>`;
  const head = `<figcaption><h3>${escape(title)}</h3>${legend}</figcaption>`;
  if (points.length === 0) return `<figure>${head}<p class="empty">Nothing was measured.</p></figure>`;
  if (none !== undefined && points.every(([, y]) => y === 0))
    return `<figure>${head}<p class="empty">${escape(none)}</p></figure>`;
  const xs = points.map(([x]) => x);
  const [left, right] = [Math.min(0, ...xs), Math.max(...xs)];
  const ticks = niceTicks(Math.max(...points.map(([, y]) => y)), unit);
  const top = ticks.at(-1)!;
  const across = (x: number): number => (right === left ? 0.5 : (x - left) / (right - left));
  const up = (y: number): number => HEIGHT * (1 - y / top);
  const line = (part: readonly Measured[], { colour, faded }: Series): string => {
    const places = part.map(([x, y]) => `${(across(x) * WIDTH).toFixed(1)},${up(y).toFixed(2)}`);
    // A line of one point has no length, and would not be drawn.
    if (places.length === 1) places.push(places[0]!);
    return `<polyline class="${colour}${faded ? ' faded' : ''}" points="${places.join(' ')}"/>`;
  };
  const marks = series.map((each, index) =>
    kind === 'line'
      ? unbroken(each.points)
          .map((part) => line(part, each))
          .join('')
      : bars(each, index, series.length, up),
  );
  const bands = pauses.map(([from, to]) => {
    const [start, end] = [across(from) * WIDTH, across(to) * WIDTH];
    return `<rect class="pause" x="${start.toFixed(1)}" y="0" width="${(end - start).toFixed(1)}" height="${HEIGHT}"/>`;
  });
  const grid = ticks.map(
    (tick) => `<line x1="0" x2="${WIDTH}" y1="${up(tick).toFixed(2)}" y2="${up(tick).toFixed(2)}"/>`,
  );
  const labels = ticks.map((tick) => `<span style="top:${up(tick).toFixed(1)}%">${escape(showY(tick))}</span>`);
  const shown = kind === 'bars' ? barLabels(series[0]!.points, showX) : xLabels(left, right, showX);
  const data = series.map((each) => ({
    n: each.name,
    p: each.points.filter(isMeasured).map(([x, y]) => [round(across(x)), showX(x), showY(y)]),
  }));
  return (
    `<figure>${head}<div class="chart"><div class="y">${labels.join('')}</div>` +
    `<div class="plot" data-kind="${kind}" data-series="${escape(JSON.stringify(data))}">` +
    `<svg viewBox="0 0 ${WIDTH} ${HEIGHT}" preserveAspectRatio="none" role="img" aria-label="${escape(title)}">` +
    `${bands.join('')}<g class="grid">${grid.join('')}</g>${marks.join('')}</svg></div>` +
    `<div class="x">${shown.map(({ at, text }) => `<span style="left:${(at * 100).toFixed(1)}%">${escape(text)}</span>`).join('')}</div></div>` +
    `${[note, pauses.length > 0 ? 'Shaded: the run was paused.' : undefined]
      .filter((text) => text !== undefined)
      .map((text) => `<p class="note">${escape(text)}</p>`)
      .join('')}</figure>`
  );
}

const isMeasured = (point: Series['points'][number]): point is Measured => point[1] !== undefined;

/** The parts of a line between its gaps. */
function unbroken(points: Series['points']): Measured[][] {
  const parts: Measured[][] = [[]];
  for (const point of points) {
    if (isMeasured(point)) parts.at(-1)!.push(point);
    else if (parts.at(-1)!.length > 0) parts.push([]);
  }
  return parts.filter((part) => part.length > 0);
}

function bars({ points, colour, faded }: Series, index: number, of: number, up: (y: number) => number): string {
  const width = WIDTH / points.length;
  const each = (width * 0.84) / of;
  const rects = points.map(([, y = 0], at) => {
    const x = at * width + width * 0.08 + index * each;
    // What is there shall be seen.
    const height = y === 0 ? 0 : Math.max(0.8, HEIGHT - up(y));
    return `<rect x="${x.toFixed(1)}" y="${(HEIGHT - height).toFixed(2)}" width="${each.toFixed(1)}" height="${height.toFixed(2)}"/>`;
  });
  return `<g class="bars ${colour}${faded ? ' faded' : ''}">${rects.join('')}</g>`;
}

const XS = 4;

function xLabels(left: number, right: number, show: (x: number) => string): { at: number; text: string }[] {
  const ticks = niceTicks(right - left).filter((tick) => tick <= right - left);
  return ticks.map((tick) => ({ at: right === left ? 0 : tick / (right - left), text: show(left + tick) }));
}

/** The edges between bars. */
function barLabels(points: Series['points'], show: (x: number) => string): { at: number; text: string }[] {
  const every = Math.max(1, Math.ceil(points.length / XS));
  return points.flatMap(([x], index) => (index % every === 0 ? [{ at: index / points.length, text: show(x) }] : []));
}

/** From 0 to a little over `most`, in steps that people like. */
export function niceTicks(most: number, unit = 1): number[] {
  const scale = unit ** Math.max(0, Math.floor(Math.log(Math.max(most, 1)) / Math.log(unit === 1 ? Math.E : unit)));
  const base = unit === 1 ? 1 : scale;
  const rough = most / base / TICKS || 1 / TICKS;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 2.5, 5, 10].map((each) => each * power).find((each) => each >= rough)! * base;
  const count = Math.max(1, Math.ceil(most / step));
  return Array.from({ length: count + 1 }, (_, index) => index * step);
}

const round = (value: number): number => Math.round(value * 10_000) / 10_000;
