import { runMatrix } from './run.ts';

// The others run through a cluster by hand, see run.ts.
runMatrix('legacy', 'session', { cluster: 'haproxy', by: ['http', 'websocket'], clients: ['SDK v1'] });
// Each request comes to another node, on a connection of its own, and one of the nodes has the server's process.
runMatrix('legacy', 'session', { cluster: 'nginx', keepAlive: false, by: ['http'], clients: ['SDK v2 modern'] });
