import { runMatrix } from './run.ts';

runMatrix('legacy', 'session', true);
runMatrix('legacy', 'shared', true);
