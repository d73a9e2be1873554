/** Options for when a server is ended, and how often it is started: part of the table in options.ts. */
import { count, duration, durationOrNever } from './option-types.ts';
import type { Options } from './option.ts';

type Name =
  | 'stallTimeout'
  | 'livenessInterval'
  | 'livenessTimeout'
  | 'memberIdleTimeout'
  | 'crashLimit'
  | 'crashWindow'
  | 'crashPause';

export const SUPERVISION_OPTIONS: Options<Name> = {
  stallTimeout: {
    value: 'duration|never',
    fallback: '60s',
    type: durationOrNever,
    describe: 'Time a server may leave its pending input unread before it is restarted',
  },
  livenessInterval: {
    value: 'duration|never',
    fallback: '30s',
    type: durationOrNever,
    describe: 'Idle time before a server is pinged',
  },
  livenessTimeout: {
    value: 'duration',
    fallback: '10s',
    type: duration,
    describe: 'Time a server has to answer that ping before it is restarted',
  },
  memberIdleTimeout: {
    value: 'duration|never',
    fallback: '60m',
    type: durationOrNever,
    describe: 'Idle time before a server that several sessions share is stopped; the next request starts it again',
  },
  crashLimit: {
    value: 'number',
    fallback: 5,
    type: count(1),
    describe: 'Failures within crashWindow before a server is paused for crashPause',
  },
  crashWindow: {
    value: 'duration',
    fallback: '60s',
    type: duration,
    describe: 'Period over which the failures of a server are counted',
  },
  crashPause: {
    value: 'duration',
    fallback: '5s',
    type: duration,
    describe: 'Pause of a server that failed too often; it doubles with each failed attempt, up to 5m',
  },
};
