/** Whether a Switchboard is well, and what to do where it is not: the gravest first. */
import { counted } from '../../util/counted.ts';
import type { UpstreamLoad } from '../../observe/history.ts';
import type { OpenRequest, UpstreamFacts } from '../operations.ts';

export interface HealthInput {
  isDraining: boolean;
  upstreams: readonly Pick<UpstreamFacts, 'name' | 'state' | 'reason' | 'waiting'>[];
  connections: number;
  maxConnections: number;
  requests: readonly Pick<OpenRequest, 'id' | 'method' | 'target' | 'upstream' | 'principal' | 'ageMs'>[];
  /** Sessions that have used nearly all of their rate. */
  nearLimit: readonly string[];
  load: readonly UpstreamLoad[];
}

/** One thing that is not well. */
export interface Problem {
  level: 'warn' | 'error';
  /** What is wrong. */
  text: string;
  /** What to do. */
  advice: string;
  /** What it is about, for a link. */
  about?: { kind: 'upstream' | 'session' | 'request'; id: string };
}

/** What the text has said already. */
const NOT_AVAILABLE = /^The upstream server (is not available|ended before it answered): /;
/** A connection limit counts as nearly reached from this share on. */
const NEARLY_FULL = 0.9;
/** A call that runs longer is looked at, in ms. */
const LONG_MS = 60_000;
/** From so many calls a minute on, this share of errors is too much. */
const MIN_CALLS = 10;
const TOO_MANY_ERRORS = 0.2;

export function problemsOf({
  isDraining,
  upstreams,
  connections,
  maxConnections,
  requests,
  nearLimit,
  load,
}: HealthInput): Problem[] {
  const about = (kind: 'upstream' | 'session' | 'request', id: string): Pick<Problem, 'about'> => ({
    about: { kind, id },
  });
  const failing = upstreams
    .filter(({ state }) => state === 'failing' || state === 'failed')
    .map(({ name, state, reason = 'no reason is known' }): Problem => ({
      level: 'error',
      text: `Server ${name} ${state === 'failing' ? 'keeps failing' : 'did not start'}: ${reason.replace(NOT_AVAILABLE, '')}`,
      advice: 'Read what it wrote to stderr, correct its command or its settings, and check it.',
      ...about('upstream', name),
    }));
  const erring = load
    .filter(({ calls, errors }) => calls >= MIN_CALLS && errors >= calls * TOO_MANY_ERRORS)
    .map(({ upstream, calls, errors }): Problem => ({
      level: 'warn',
      text: `${errors} of ${counted(calls, 'call')} to ${upstream} failed in the last minute`,
      advice: 'Look at the requests that failed, and why.',
      ...about('upstream', upstream),
    }));
  const waiting = upstreams
    .filter((upstream) => upstream.waiting > 0)
    .map((upstream): Problem => ({
      level: 'warn',
      text: `${counted(upstream.waiting, 'request')} waiting for a turn at ${upstream.name}`,
      advice: 'Raise its maxConcurrent, or give it more members with isolation pool.',
      ...about('upstream', upstream.name),
    }));
  const long = requests.filter(({ ageMs, method }) => ageMs >= LONG_MS && method !== 'subscriptions/listen');
  const [oldest] = long.toSorted((one, other) => other.ageMs - one.ageMs);
  return [
    ...failing,
    ...(isDraining
      ? [
          {
            level: 'warn' as const,
            text: 'Switchboard is draining: it accepts no new clients, and ends when the running requests have ended',
            advice: 'Wait, or cancel the requests that hold it up.',
          },
        ]
      : []),
    ...(connections >= maxConnections * NEARLY_FULL
      ? [
          {
            level: connections >= maxConnections ? ('error' as const) : ('warn' as const),
            text: `${connections} of ${maxConnections} connections are in use`,
            advice: 'Raise maxConnections, or end sessions that nobody uses.',
          },
        ]
      : []),
    ...(oldest === undefined
      ? []
      : [
          {
            level: 'warn' as const,
            text: `${counted(long.length, 'call')} running for more than a minute; the oldest is ${oldest.target ?? oldest.method} at ${oldest.upstream}, for ${oldest.principal}`,
            advice: 'If it hangs, cancel it.',
            ...about('request', oldest.id),
          },
        ]),
    ...erring,
    ...waiting,
    ...nearLimit.slice(0, 3).map((session): Problem => ({
      level: 'warn',
      text: `Session ${session} has used nearly all of its rate`,
      advice: 'Look at what it calls; cancel its requests or end it if it floods.',
      ...about('session', session),
    })),
  ];
}
