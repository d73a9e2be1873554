/** A result as one HTML page that needs nothing else; with two results, the earlier one beside the later. */
import { adviceFor } from '../advice.ts';
import { FAULTS, FAULT_NAMES } from '../integrity.ts';
import type { Point, Result } from '../result.ts';
import { spread, unpack } from '../stats.ts';
import { MEASURES } from '../thresholds.ts';
import { showDuration, showNumber, showShare, showSize } from '../units.ts';
import { chartOf } from './chart.ts';
import type { Chart, Series } from './chart.ts';
import { escape, table } from './html.ts';
import { SCRIPT, STYLE } from './style.ts';

/** Less than this is noise. */
const NOISE = 0.05;

/** @param results one, or an earlier and a later one */
export function pageOf(results: readonly Result[]): string {
  const result = results.at(-1)!;
  const before = results.length > 1 ? results[0] : undefined;
  const about = before === undefined ? escape(result.target) : `${escape(result.target)}, beside an earlier run`;
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'">
<title>mcp-simulate: ${escape(result.target)}</title>
<style>${STYLE}</style>
</head>
<body>
<main>
<header>
<h1>${about}</h1>
<p class="quiet">${subtitle(result)}</p>
${before === undefined ? '' : `<p class="quiet">Earlier: ${subtitle(before)}</p>`}
</header>
${verdictOf(result)}
${tilesOf(result, before)}
<h2>Over time</h2>
<div class="charts">${chartsOf(result, before)}</div>
<h2>Messages</h2>
${truthOf(result, before)}
<h2>Details</h2>
<div class="two">${detailsOf(result)}</div>
</main>
<script>${SCRIPT}</script>
</body>
</html>
`;
}

function subtitle({ server, clients, seconds, at, machine }: Result): string {
  const day = `${at.slice(0, 10)} ${at.slice(11, 16)} UTC`;
  const who = `${showNumber(clients)} ${clients === 1 ? 'client' : 'clients'} for ${showDuration(seconds * 1000)}`;
  return [server, who, day, machine]
    .filter((text) => text !== '')
    .map(escape)
    .join(' · ');
}

/** Green only where nothing went wrong at all: errors that no threshold forbids are still errors. */
function verdictOf({ verdicts, errors, errorCount, answers }: Result): string {
  const broken = verdicts.filter(({ kept }) => !kept);
  const list = verdicts.map(({ text, kept }) => `<li>${kept ? '✓' : '✗'} ${escape(text)}</li>`);
  const doubt =
    answers === 0
      ? 'nothing was answered'
      : errorCount === 1
        ? 'one error'
        : errorCount > 1
          ? `${showNumber(errorCount)} errors`
          : undefined;
  const passed = verdicts.length === 0 ? 'No threshold was set' : 'Every threshold was kept';
  const head =
    broken.length > 0
      ? `${broken.length} of ${verdicts.length} thresholds ${broken.length === 1 ? 'was' : 'were'} broken`
      : passed + (doubt === undefined ? '' : `, with ${doubt}`);
  const kind = broken.length > 0 ? ' bad' : doubt !== undefined || verdicts.length === 0 ? ' doubtful' : '';
  const advice = adviceFor(errors).map((text) => `<p>${escape(text)}</p>`);
  return `<div class="verdict${kind}">${head}<ul>${list.join('')}</ul>${advice.join('')}</div>`;
}

/** How a measure changed, as a person reads it. */
function change(name: string, result: Result, before: Result | undefined): string {
  const [from, to] = [before && MEASURES[name]!.of(before), MEASURES[name]!.of(result)];
  if (from === undefined || to === undefined) return '';
  const share = from === 0 ? (to === 0 ? 0 : 1) : to / from - 1;
  const kind =
    Math.abs(share) <= NOISE ? 'same' : share > 0 === (name === 'rate' || name === 'answers') ? 'better' : 'worse';
  const text =
    from === 0 || share === 0
      ? `was ${MEASURES[name]!.show(from)}`
      : `${share > 0 ? '+' : '−'}${Math.abs(Math.round(share * 100))} %`;
  return ` <em class="${kind}">${escape(text)}</em>`;
}

function tilesOf(result: Result, before: Result | undefined): string {
  const count = ({ integrity }: Result): number => FAULT_NAMES.reduce((sum, name) => sum + integrity[name], 0);
  const astray = count(result);
  const tile = (label: string, value: string, name: string, bad = false): string =>
    `<li${bad ? ' class="bad"' : ''}><span>${escape(label)}</span><b>${escape(value)}</b>${change(name, result, before)}</li>`;
  const { rate, latency, errorCount, processes } = result;
  return `<ul class="tiles">${[
    tile('answers a second', showNumber(rate), 'rate'),
    tile('latency, p50', showDuration(latency.p50), 'p50'),
    tile('latency, p99', showDuration(latency.p99), 'p99'),
    tile('latency, p99.9', showDuration(latency.p999), 'p99.9'),
    `<li${astray > 0 ? ' class="bad"' : ''}><span>messages astray</span><b>${showNumber(astray)}</b>${before === undefined ? '' : `<em class="same">was ${showNumber(count(before))}</em>`}</li>`,
    tile('errors', showNumber(errorCount), 'errors', errorCount > 0),
    ...(processes === undefined ? [] : [tile('memory, at most', showSize(processes.peakRss), 'memory')]),
  ].join('')}</ul>`;
}

function chartsOf(result: Result, before: Result | undefined): string {
  const runs = [...(before === undefined ? [] : [{ run: before, faded: true }]), { run: result, faded: false }];
  const series = (name: string, colour: Series['colour'], y: (point: Point) => number | undefined): Series[] =>
    runs.map(({ run, faded }) => ({
      name: faded ? `${name}earlier` : name === '' ? 'later' : name.replace(', ', ''),
      colour,
      faded,
      points: run.points.map((point) => [point.at, y(point)] as const),
    }));
  const overTime = {
    kind: 'line' as const,
    showX: (x: number) => `${showNumber(Math.round(x * 10) / 10)} s`,
    pauses: pausesOf(result.points),
  };
  const charts: Chart[] = [
    {
      ...overTime,
      title: 'Answers a second',
      showY: showNumber,
      series: series('', 'a', ({ rate, paused }) => (paused ? undefined : rate)),
    },
    {
      ...overTime,
      title: 'Latency',
      showY: showDuration,
      series: [
        ...series('p99, ', 'c', ({ p99 }) => p99),
        ...(before === undefined ? series('p95, ', 'b', ({ p95 }) => p95) : []),
        ...series('p50, ', 'a', ({ p50 }) => p50),
      ],
    },
    {
      ...overTime,
      title: 'Errors in each interval',
      none: 'There were none.',
      showY: showNumber,
      series: series('', 'c', ({ errors }) => errors),
    },
    ...(result.processes === undefined
      ? [{ ...overTime, title: 'Open clients', showY: showNumber, series: series('', 'a', ({ open }) => open) }]
      : [
          {
            ...overTime,
            title: 'Memory of the server and its children',
            unit: 1024,
            showY: showSize,
            series: series('', 'b', ({ rss }) => rss),
          },
        ]),
  ];
  return [...charts.map(chartOf), `<div class="wide">${chartOf(histogramOf(runs))}</div>`].join('');
}

/** When the run was paused, in seconds. */
const pausesOf = (points: readonly Point[]): (readonly [number, number])[] =>
  points.flatMap(({ at, paused }, index) => (paused ? [[points[index - 1]?.at ?? 0, at] as const] : []));

/** All latencies, in ranges of the same ratio; both runs in the same ones. */
function histogramOf(runs: readonly { run: Result; faded: boolean }[]): Chart {
  const spreads = runs.map(({ run }) => spread(unpack(run.histogram)));
  const key = (fromMs: number): string => fromMs.toPrecision(6);
  const all = spreads.flat().map(({ fromMs }) => fromMs);
  const edges = [...new Map(all.map((fromMs) => [key(fromMs), fromMs])).values()].toSorted((a, b) => a - b);
  const series = runs.map(({ run, faded }, index): Series => {
    const counts = new Map(spreads[index]!.map(({ fromMs, count }) => [key(fromMs), count]));
    const total = Math.max(1, run.answers);
    return {
      name: faded ? 'earlier' : runs.length > 1 ? 'later' : 'answers',
      colour: 'a',
      faded,
      points: edges.map((fromMs) => [fromMs, (counts.get(key(fromMs)) ?? 0) / total]),
    };
  });
  const { p50, p99, p999, max } = runs.at(-1)!.run.latency;
  const note = `p50 ${showDuration(p50)}, p99 ${showDuration(p99)}, p99.9 ${showDuration(p999)}, most ${showDuration(max)}. Each bar is a fifth wider than the one before.`;
  return { title: 'Share of answers by latency', note, kind: 'bars', series, showX: showDuration, showY: showShare };
}

function truthOf(result: Result, before: Result | undefined): string {
  const { integrity } = result;
  const rows = FAULT_NAMES.map((name) => [
    name,
    `<b>${showNumber(integrity[name])}</b>${change(name, result, before)}`,
    escape(FAULTS[name].replaceAll('`', '')),
  ]);
  const proof =
    integrity.proven + integrity.unproven === 0
      ? 'No call carried a correlation id, so an answer for somebody else could not be seen.'
      : `${showNumber(integrity.proven)} answers carried the correlation id of their own call${integrity.unproven > 0 ? `; ${showNumber(integrity.unproven)} carried none, and whose they were cannot be told` : ''}.`;
  const examples = integrity.examples.map(({ fault, at, what }) => [
    fault,
    `after ${showDuration(at)}: ${escape(what)}`,
  ]);
  return (
    `<div class="card words">${table([], rows)}</div><p class="note">${proof}</p>` +
    (examples.length === 0
      ? ''
      : `<h3 class="apart">The first of each kind</h3><div class="card words">${table([], examples)}</div>`)
  );
}

function detailsOf(result: Result): string {
  const { steps, errors, processes, self, options, storms } = result;
  const card = (title: string, body: string): string =>
    `<section><h3>${title}</h3><div class="card">${body}</div></section>`;
  const count = (entries: Readonly<Record<string, number>>): string[][] =>
    Object.entries(entries)
      .toSorted(([, a], [, b]) => b - a)
      .map(([name, times]) => [escape(name), showNumber(times)]);
  const stepRows = steps.map(({ name, answers, errors: failed, latency }) => [
    escape(name),
    showNumber(answers),
    showNumber(failed),
    showDuration(latency.p50),
    showDuration(latency.p99),
  ]);
  const serverRows =
    processes === undefined
      ? []
      : [
          ['memory before', showSize(processes.startRss)],
          ['memory at most', showSize(processes.peakRss)],
          ['memory after', showSize(processes.endRss)],
          ['CPU an answer', `${showNumber(processes.cpuPerAnswer)} µs`],
          ['processes at most', showNumber(processes.peakProcesses)],
          [
            'descriptors at most',
            processes.peakDescriptors === undefined ? 'not readable' : showNumber(processes.peakDescriptors),
          ],
          [
            'left behind',
            processes.leftovers.length === 0
              ? 'none'
              : processes.leftovers
                  .map(({ pid, name, orphan }) => escape(`${name} (${pid}${orphan ? ', orphan' : ''})`))
                  .join('<br>'),
          ],
        ];
  const selfRows = [
    ['CPU', `${showShare(self.cpu)} of a core`],
    ['busiest thread', `busy ${showShare(self.busy)} of the time`],
    ['threads', showNumber(self.threads)],
    ...(self.bottleneck ? [['so', 'it may be what was measured']] : []),
  ];
  return [
    card('Steps', table(['step', 'answers', 'errors', 'p50', 'p99'], stepRows)),
    ...(Object.keys(errors).length === 0 ? [] : [card('Errors by code', table(['code', 'times'], count(errors)))]),
    ...(Object.keys(storms).length === 0 ? [] : [card('Storms', table(['storm', 'times'], count(storms)))]),
    ...(serverRows.length === 0 ? [] : [card('Server', table([], serverRows))]),
    card('Simulator', table([], selfRows)),
    card(
      'Asked for',
      table(
        [],
        Object.entries(options).map(([name, value]) => [escape(name), escape(String(value))]),
      ),
    ),
  ].join('');
}
