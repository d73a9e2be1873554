/**
 * What stores, transports and servers have to do, as tests: run them with any test runner on an implementation of your own. Ours are tested with
 * the same.
 */
export { sharedStoreContract, storeContract } from './stores/store-contract.ts';
export type { StoreContractOptions } from './stores/store-contract.ts';
export { transportContract } from './transports/transport-contract.ts';
export type { TransportPair } from './transports/transport-contract.ts';
export { upstreamContract } from './gateway/upstream-contract.ts';
export type { UpstreamContractOptions } from './gateway/upstream-contract.ts';
export type { ContractCase } from './util/contract.ts';
