import type { Proofs } from './cell.ts';
import { calls } from './proofs-calls.ts';
import { catalogue } from './proofs-catalogue.ts';
import { changes } from './proofs-changes.ts';
import { extensions } from './proofs-extensions.ts';
import { questions } from './proofs-questions.ts';
import { traces } from './proofs-traces.ts';

/** By their subjects; no requirement is proven twice, which the coverage test looks after. */
export const CHAPTERS: readonly Proofs[] = [catalogue, calls, questions, changes, extensions, traces];

export const PROOFS: Proofs = Object.assign({}, ...CHAPTERS) as Proofs;
