/** Options for clients of legacy HTTP sessions that are away: part of the table in options.ts. */
import { duration, durationOrNever, size } from './option-types.ts';
import type { Option } from './options.ts';

type Name =
  | 'sweepInterval'
  | 'absentGrace'
  | 'absentTimeout'
  | 'maxReplaySize'
  | 'maxReplaySizePerPrincipal'
  | 'maxReplaySizeTotal';

export const ABSENCE_OPTIONS: Readonly<Record<Name, Option>> = {
  sweepInterval: {
    value: 'duration',
    fallback: '60s',
    type: duration,
    describe: 'Interval at which idle sessions are looked for; at least four times in each idleTimeout',
  },
  absentGrace: {
    value: 'duration|never',
    fallback: '30s',
    type: durationOrNever,
    describe:
      'Time for which the calls of a legacy HTTP session run on after its last connection is gone; then they are cancelled',
  },
  absentTimeout: {
    value: 'duration|never',
    fallback: '5m',
    type: durationOrNever,
    describe:
      'Time for which the own server of a legacy HTTP session is kept after its last connection is gone; the next request starts it again',
  },
  maxReplaySize: {
    value: 'size',
    fallback: '16MiB',
    type: size,
    describe:
      'Bytes of events kept for the client of one legacy HTTP session that comes back; its newest event is kept beyond it',
  },
  maxReplaySizePerPrincipal: {
    value: 'size',
    fallback: '96MiB',
    type: size,
    describe: 'Bytes of events kept for all legacy HTTP sessions of one principal',
  },
  maxReplaySizeTotal: {
    value: 'size',
    fallback: '192MiB',
    type: size,
    describe: 'Bytes of events kept for all legacy HTTP sessions together',
  },
};
