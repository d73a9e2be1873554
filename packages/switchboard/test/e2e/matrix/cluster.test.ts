import { runMatrix } from './run.ts';

// The others run through a cluster by hand, see run.ts.
runMatrix('legacy', 'session', { cluster: 'haproxy', by: ['http', 'websocket'], clients: ['SDK v1'] });
