/** Options of where state is kept that outlives a connection: part of the table in options.ts. */
import { size, storeSetting } from './option-types.ts';
import type { Options } from './option.ts';

type Name = 'store' | 'maxStoreSize';

export const STORE_OPTIONS: Options<Name> = {
  store: {
    value: 'memory|sqlite:<file>|redis://…',
    fallback: 'auto',
    type: storeSetting,
    describe:
      'Where state is kept: in memory; in a file, so that sessions outlive a restart; or in a Redis or Valkey that several Switchboards share, also behind Sentinels: redis+sentinel://host:26379,host:26379/mymaster (a URL with a password belongs into SWITCHBOARD_STORE). auto is a file for each port in the state folder of the user for "switchboard serve" on a port, and memory elsewhere',
  },
  maxStoreSize: {
    value: 'size',
    fallback: '256MiB',
    type: size,
    describe: 'Largest size of the file of the store; what does not fit is kept in memory only',
  },
};
