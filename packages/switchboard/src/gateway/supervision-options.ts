/** Options for when a server is ended, and how often it is started: part of the table in options.ts. */
import { count, duration, durationOrNever } from './option-types.ts';
import type { Option } from './options.ts';

type Name =
  | 'stallTimeout'
  | 'livenessInterval'
  | 'livenessTimeout'
  | 'memberIdleTimeout'
  | 'crashLimit'
  | 'crashWindow'
  | 'crashPause';

export const SUPERVISION_OPTIONS: Readonly<Record<Name, Option>> = {
  stallTimeout: {
    value: 'duration|never',
    fallback: '60s',
    type: durationOrNever,
    describe: 'Time for which a server may read nothing of what waits for it; then it is ended and started anew',
  },
  livenessInterval: {
    value: 'duration|never',
    fallback: '30s',
    type: durationOrNever,
    describe: 'After how long without a word a server is asked for one',
  },
  livenessTimeout: {
    value: 'duration',
    fallback: '10s',
    type: duration,
    describe: 'How long it may take to answer that; then it is ended and started anew',
  },
  memberIdleTimeout: {
    value: 'duration|never',
    fallback: '60m',
    type: durationOrNever,
    describe: 'How long a server that several share may be unused before it is ended; it is started again on need',
  },
  crashLimit: {
    value: 'number',
    fallback: 5,
    type: count(1),
    describe: 'How often a server may fail within crashWindow before it is left alone for crashPause',
  },
  crashWindow: {
    value: 'duration',
    fallback: '60s',
    type: duration,
    describe: 'Within what time the failures of a server count together',
  },
  crashPause: {
    value: 'duration',
    fallback: '5s',
    type: duration,
    describe: 'How long a server that failed too often is left alone; it doubles with each try that fails, up to 5m',
  },
};
