/** Switchboard as a library: a gateway inside your own program. */
export { createGateway, Gateway } from './gateway/gateway.ts';
export type { Address } from './gateway/addresses.ts';
export type { GatewayOptions, Stats } from './gateway/gateway.ts';
export type { Program, ProgramEvent } from './gateway/program.ts';
export type { ConnectVisit, Hooks, RequestVisit } from './callers/hooks.ts';
export type { SessionFacts, SessionNotes } from './callers/registry.ts';
export type { OpenRequest, Operations, Recipients, UpstreamFacts } from './gateway/operations.ts';
export type { Settings, SettingsInput } from './gateway/settings.ts';
export type { CommandUpstream, ServerUpstream, UpstreamOptions, UrlUpstream } from './gateway/upstream-options.ts';
export type { GatewayEvent } from './observe/events.ts';
export { createLog } from './observe/log.ts';
export { contextOf } from './protocol/session-context.ts';
export type { SessionContext } from './protocol/session-context.ts';
export { ERRORS, SwitchboardError } from './protocol/errors.ts';
export type { ErrorName } from './protocol/errors.ts';
export type { Entry, Fact, Facts, Log, Store } from './stores/store.ts';
export { addressBlock } from './util/address.ts';
