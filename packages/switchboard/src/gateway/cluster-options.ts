/** Options for several nodes that share a store: part of the table in options.ts. */
import { clusterKey, httpUrl, listenAddress, processCount, text } from './option-types.ts';
import type { Options } from './option.ts';

type Name =
  | 'workers'
  | 'peerListen'
  | 'peerUrl'
  | 'clusterKeyFile'
  | 'clusterKey'
  | 'nodeName'
  | 'peerTlsCert'
  | 'peerTlsKey'
  | 'peerTlsCa';

export const CLUSTER_OPTIONS: Options<Name> = {
  workers: {
    value: 'number|auto',
    fallback: 1,
    type: processCount,
    describe:
      'Processes of "switchboard serve" that share the port and the store, so that several cores are used; auto is one for each core',
  },
  peerListen: {
    value: 'host:port',
    fallback: '',
    type: listenAddress,
    describe:
      'Address on which the other nodes of the cluster reach this one; needs a store that several machines reach, and a cluster key. Without it a Redis is for one process',
  },
  peerUrl: {
    value: 'url',
    fallback: '',
    type: httpUrl,
    describe: 'URL at which the other nodes reach peerListen; by default its address and port',
  },
  clusterKeyFile: {
    value: 'file',
    fallback: '',
    type: text,
    describe:
      'File with the key that the nodes of the cluster share, of at least 32 bytes; a second line is accepted too, so that keys can be changed. One process alone seals with it what it has in a Redis',
  },
  clusterKey: {
    value: 'key',
    fallback: '',
    type: clusterKey,
    secret: true,
    describe: 'The same key as text, in place of clusterKeyFile',
  },
  nodeName: {
    value: 'name',
    fallback: '',
    type: text,
    describe: 'Name of this node in status and logs; by default the host of its peer URL',
  },
  peerTlsCert: {
    value: 'file',
    fallback: '',
    type: text,
    describe: 'Certificate for TLS between nodes (PEM); without it they speak plain HTTP, signed but not encrypted',
  },
  peerTlsKey: {
    value: 'file',
    fallback: '',
    type: text,
    describe: 'Private key of peerTlsCert (PEM, without a passphrase)',
  },
  peerTlsCa: {
    value: 'file',
    fallback: '',
    type: text,
    describe: 'CA bundle to check the certificates of other nodes with; by default the CAs of the system',
  },
};
