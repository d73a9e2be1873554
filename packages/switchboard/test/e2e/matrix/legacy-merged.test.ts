import { runMatrix } from './run.ts';

runMatrix('legacy', 'session', { merged: true });
runMatrix('legacy', 'shared', { merged: true });
