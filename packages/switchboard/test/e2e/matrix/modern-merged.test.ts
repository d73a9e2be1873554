import { runMatrix } from './run.ts';

runMatrix('modern', 'session', { merged: true });
runMatrix('modern', 'shared', { merged: true });
