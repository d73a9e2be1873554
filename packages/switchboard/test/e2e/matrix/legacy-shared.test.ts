import { runMatrix } from './run.ts';

runMatrix('legacy', 'shared');
