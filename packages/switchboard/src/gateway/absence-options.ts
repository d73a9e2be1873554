/** Options for clients of legacy HTTP sessions that are away: part of the table in options.ts. */
import { duration, durationOrNever, size } from './option-types.ts';
import type { Options } from './option.ts';

type Name =
  | 'sweepInterval'
  | 'absentGrace'
  | 'absentTimeout'
  | 'maxReplaySize'
  | 'maxReplaySizePerPrincipal'
  | 'maxReplaySizeTotal';

export const ABSENCE_OPTIONS: Options<Name> = {
  sweepInterval: {
    value: 'duration',
    fallback: '60s',
    type: duration,
    describe: 'Interval of the check for idle sessions; at most a quarter of idleTimeout',
  },
  absentGrace: {
    value: 'duration|never',
    fallback: '30s',
    type: durationOrNever,
    describe:
      'Time the calls of a legacy HTTP session continue after its last connection closed; then they are cancelled',
  },
  absentTimeout: {
    value: 'duration|never',
    fallback: '5m',
    type: durationOrNever,
    describe:
      'Time a legacy HTTP session keeps its own server after its last connection closed; the next request starts it again',
  },
  maxReplaySize: {
    value: 'size',
    fallback: '16MiB',
    type: size,
    describe:
      'Bytes of events kept for one legacy HTTP session to resume from; its newest event is kept even when it is larger',
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
