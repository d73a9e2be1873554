import { runMatrix } from './run.ts';

runMatrix('modern', 'session', true);
runMatrix('modern', 'shared', true);
