/** Whether a Switchboard is well, and what to do where it is not: the gravest first. */
import { ANONYMOUS } from '../../auth/identity.ts';
import { ERRORS } from '../../protocol/errors.ts';
import type { ErrorName } from '../../protocol/errors.ts';
import { counted } from '../../util/counted.ts';
import type { UpstreamLoad } from '../../observe/history.ts';
import type { SessionFacts } from '../../callers/session-facts.ts';
import type { Flood } from '../../observe/refusals.ts';
import type { OpenRequest, UpstreamFacts } from '../operations.ts';

export interface HealthInput {
  isDraining: boolean;
  upstreams: readonly Pick<UpstreamFacts, 'name' | 'state' | 'reason' | 'waiting'>[];
  connections: number;
  maxConnections: number;
  requests: readonly Pick<OpenRequest, 'id' | 'method' | 'target' | 'upstream' | 'principal' | 'ageMs'>[];
  /** Sessions that have used nearly all of their rate. */
  nearLimit: readonly Pick<SessionFacts, 'id' | 'principal' | 'client'>[];
  /** Who is refused in most of what it sends. */
  floods: readonly Flood[];
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
  about?: { kind: 'upstream' | 'session' | 'request' | 'person'; id: string };
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
/** How many callers are named. */
const MAX_CALLERS = 3;

export function problemsOf({
  isDraining,
  upstreams,
  connections,
  maxConnections,
  requests,
  nearLimit,
  floods,
  load,
}: HealthInput): Problem[] {
  const about = (kind: NonNullable<Problem['about']>['kind'], id: string): Pick<Problem, 'about'> => ({
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
  // Who floods is named once.
  const flooding = new Set(floods.map(({ principal }) => principal));
  const near = nearLimit.filter(({ principal }) => principal === ANONYMOUS || !flooding.has(principal));
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
    ...floods.slice(0, MAX_CALLERS).map((flood): Problem => floodProblem(flood, about)),
    ...erring,
    ...waiting,
    ...near.slice(0, MAX_CALLERS).map(({ id, principal, client }): Problem => ({
      level: 'warn',
      text: `${named(principal, client?.name === undefined ? [] : [client.name])} has used nearly all of its rate`,
      advice: 'Look at what it calls; cancel its requests or end its session if it floods.',
      ...about('session', id),
    })),
  ];
}

/** What an error says, without its advice. */
const reasonOf = (code: string): string =>
  Object.hasOwn(ERRORS, code) ? ERRORS[code as ErrorName].message.split(';', 1)[0]!.toLowerCase() : code;

const named = (who: string, clients: readonly string[]): string => [who, ...clients].join(', ');

function floodProblem(
  { principal, clients, address, perSecond, code }: Flood,
  about: (kind: 'person', id: string) => Pick<Problem, 'about'>,
): Problem {
  if (principal === undefined)
    return {
      level: 'warn',
      text: `${address}: most connections are refused (${perSecond}/s: ${reasonOf(code)})`,
      advice:
        'Nobody else is kept waiting by it. Correct its credentials, or block the address in front of Switchboard.',
    };
  const text = `${named(principal, clients)}: most calls are refused (${perSecond}/s: ${reasonOf(code)})`;
  if (principal === ANONYMOUS)
    return {
      level: 'warn',
      text,
      advice: 'End its sessions, or require a key, so that each caller can be told apart and shut out.',
      ...about('person', principal),
    };
  return {
    level: 'warn',
    text,
    advice: 'It keeps sending although it is refused. Revoke its key, give its role a lower rate, or end its sessions.',
    ...about('person', principal),
  };
}
