/** Runs of the simulator: which of them is shown, what one is asked for, and what two of them say beside each other. */
import type { Integrity, Point } from 'mcp-switchboard-simulator';
import type { Found, Run, Status, Tool } from './facts.ts';
import type { Page } from './page.ts';
import { age, count, counted, duration, rate, size } from './words.ts';

/** The limit of the server, whatever room there is. */
export const MAX_CLIENTS = 500;

/** That of the address, or else the newest one. */
export function shownRun({ live, place }: Page): Run | undefined {
  const runs = live!.state.simulations;
  const { id } = place.params;
  return id === undefined ? runs?.[0] : runs?.find((run) => run.id === id);
}

/** What a run did, in a few words: `echo, 10 clients, 30s`. */
export function titleOf({ options: { clients, durationMs, tool, steps } }: Run): string {
  const what = tool ?? (steps === undefined ? 'echoes' : counted(steps, 'step'));
  return `${what}, ${counted(clients, 'client')}, ${age(durationMs)}`;
}

/** What else it was asked for. */
export function particularsOf({ options: { rate: perSecond, inFlight, era } }: Run): string {
  const said = [
    perSecond !== undefined && `calls a second: ${rate(perSecond)}`,
    inFlight > 1 && `in flight each: ${inFlight}`,
    era !== 'legacy' && `era: ${era}`,
  ];
  return said.filter(Boolean).join(' · ');
}

/** How many clients a run may have, and which option says so: half of the free places, and all together one principal, as on the server. */
export function mostClients(
  status: Status | undefined,
  inFlight: number,
): { readonly most: number; readonly by?: 'maxConnections' | 'maxRequestsInFlight' } {
  if (status === undefined) return { most: MAX_CLIENTS };
  const free = Math.floor((status.maxConnections - status.connections) / 2);
  const calls = Math.floor(status.maxRequestsInFlight / inFlight);
  const most = Math.max(1, Math.min(MAX_CLIENTS, free, calls));
  if (most === MAX_CLIENTS) return { most };
  return { most, by: calls < free ? 'maxRequestsInFlight' : 'maxConnections' };
}

/** How many points a second there are, and when the first of them began. */
export function axisOf(
  { startedAt, openedAt = startedAt }: Run,
  points: readonly Point[],
): { readonly from: number; readonly stepMs: number } {
  const last = points.at(-1)?.at ?? 1;
  return { from: openedAt, stepMs: Math.max(1, (last * 1000) / Math.max(1, points.length)) };
}

/** How many errors there were a second in each interval: intervals differ in length. */
export function errorRates(points: readonly Point[]): number[] {
  return points.map(({ at, errors }, nth) => errors / Math.max(0.001, at - (points[nth - 1]?.at ?? 0)));
}

export interface Measure {
  readonly label: string;
  /** Absent where it was not measured. */
  of(run: Found): number | undefined;
  show(value: number): string;
  /** Whether more of it is better. */
  readonly isGain?: boolean;
}

const astray = ({ crossed, lost, doubled, disordered }: Integrity): number => crossed + lost + doubled + disordered;

export const MEASURES: readonly Measure[] = [
  { label: 'Answers a second', of: (run) => run.rate, show: rate, isGain: true },
  { label: 'Answers', of: (run) => run.answers, show: count, isGain: true },
  { label: 'p50', of: (run) => run.latency.p50, show: duration },
  { label: 'p99', of: (run) => run.latency.p99, show: duration },
  { label: 'p99.9', of: (run) => run.latency.p999, show: duration },
  { label: 'Slowest', of: (run) => run.latency.max, show: duration },
  { label: 'Errors', of: (run) => run.errorCount, show: count },
  { label: 'Misrouted or lost messages', of: (run) => astray(run.integrity), show: count },
  { label: 'Memory before', of: (run) => run.processes?.startRss, show: size },
  { label: 'Memory at most', of: (run) => run.processes?.peakRss, show: size },
  { label: 'Memory after', of: (run) => run.processes?.endRss, show: size },
];

/** Less than this is noise. */
const NOISE = 0.05;

/** How a measure changed, as the report of the simulator says it. */
export function changeOf(
  measure: Measure,
  before: Found,
  after: Found,
): { text: string; kind: 'same' | 'better' | 'worse' } {
  const [from, to] = [measure.of(before), measure.of(after)];
  if (from === undefined || to === undefined) return { text: '–', kind: 'same' };
  const share = from === 0 ? (to === 0 ? 0 : 1) : to / from - 1;
  const isSame = Math.abs(share) <= NOISE;
  const kind = isSame ? 'same' : share > 0 === (measure.isGain === true) ? 'better' : 'worse';
  if (from === 0) return { text: to === 0 ? 'same' : 'from none', kind };
  if (isSame) return { text: 'same', kind };
  return { text: `${share > 0 ? '+' : '−'}${Math.round(Math.abs(share) * 100)} %`, kind };
}

/** Steps that fit most servers, to begin with: the first tool that seems to give its text back is called most often. */
export function stepsFor(tools: readonly Tool[]): object[] {
  const echo = tools.find(({ name }) => ['echo', 'repeat', 'say'].includes(name));
  const called = echo?.inputSchema as { properties?: object } | undefined;
  const [field] = Object.keys(called?.properties ?? {});
  return [
    ...(echo === undefined
      ? []
      : [{ do: 'call', tool: echo.name, args: field === undefined ? {} : { [field]: '{{tag}}' }, weight: 8 }]),
    { do: 'list', what: 'tools', weight: 2 },
    { do: 'idle', for: '100ms' },
    { do: 'reconnect' },
  ];
}

/** The tool with a tag in its first text, unless it has something there by itself: so that an answer for another client is seen. */
export function withTag(tool: Tool): Tool {
  const schema = tool.inputSchema as { properties?: Readonly<Record<string, unknown>> };
  const properties = Object.entries(schema.properties ?? {});
  const isText = (given: unknown): boolean => {
    const { type, enum: choices, default: own, format } = (given ?? {}) as Readonly<Record<string, unknown>>;
    return type === 'string' && [choices, own, format].every((each) => each === undefined);
  };
  const [name] = properties.find(([, given]) => isText(given)) ?? [];
  if (name === undefined) return tool;
  const tagged = properties.map(([key, given]) => [
    key,
    key === name ? { ...(given as object), default: '{{tag}}' } : given,
  ]);
  return {
    ...tool,
    inputSchema: { ...schema, properties: Object.fromEntries(tagged) as object },
  };
}

/** @param text of a scenario, or of its steps alone. */
export function readSteps(text: string): { steps?: readonly object[]; wrong?: string } {
  try {
    const value: unknown = JSON.parse(text);
    const steps = Array.isArray(value) ? (value as unknown[]) : (value as { steps?: unknown } | null)?.steps;
    if (Array.isArray(steps) && steps.length > 0) return { steps: steps as object[] };
    return { wrong: 'Expected a list of steps, such as [{"do": "list", "what": "tools"}].' };
  } catch (error) {
    return { wrong: (error as Error).message };
  }
}
