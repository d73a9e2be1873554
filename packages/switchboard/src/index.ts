/** Switchboard as a library: a gateway inside your own program. */
export { createGateway, Gateway } from './gateway/gateway.ts';
export type { JwtOptions } from './auth/jwt.ts';
export type { AllowanceFacts } from './callers/session-facts.ts';
export type { ConnectVisit, Hooks, RequestVisit } from './callers/hooks.ts';
export type { ReturnFacts, SessionFacts, SessionNotes, SessionState } from './callers/session-facts.ts';
export type { AccessOptions, RoleLimitOptions, RoleOptions } from './gateway/access-options.ts';
export type { Address } from './gateway/addresses.ts';
export type { Origins } from './gateway/admin/configuration.ts';
export type { Problem } from './gateway/admin/health.ts';
export type { ConsoleLink } from './gateway/admin/route.ts';
export type { Change } from './gateway/change.ts';
export type { ConfigurationInput } from './gateway/configuration.ts';
export type {
  ConfigurationDifference,
  ConfigurationEdit,
  ConfigurationFile,
  ConfigurationFileFacts,
  ConfigurationPreview,
  ConfigurationRevision,
  Importable,
  ImportableServer,
} from './gateway/configuration-file.ts';
export type { PageServer } from './gateway/console/console.ts';
export type { ClientTransportOptions, GatewayOptions, ListenOptions } from './gateway/gateway.ts';
export type { LoadPlan, LoadPoint, LoadProgress, LoadResult, LoadRun, Simulator } from './gateway/simulator.ts';
export type { Stats } from './gateway/stats.ts';
export type { OpenRequest, Operations, Recipients, UpstreamFacts } from './gateway/operations.ts';
export type { TransportChoice, TransportName } from './gateway/option-types.ts';
export type { LineHandlers, PeerLine, Program } from './gateway/program.ts';
export type { Peers } from './gateway/program-peers.ts';
export type { Settings, SettingsInput } from './gateway/settings.ts';
export type {
  CommandUpstream,
  CommonOptions,
  ServerUpstream,
  UpstreamOptions,
  UrlUpstream,
} from './gateway/upstream-options.ts';
export type { Emit, GatewayEvent, ProgramEvent, RequestEnd, RequestFacts, RequestOutcome } from './observe/events.ts';
export type { RequestTimes } from './observe/timeline.ts';
export { createLog } from './observe/log.ts';
export type { LogLevel, LogOptions } from './observe/log.ts';
export type { Situation } from './observe/statistics.ts';
export type { Era } from './protocol/eras.ts';
export { ERRORS, SwitchboardError } from './protocol/errors.ts';
export type { ErrorDetails, ErrorEntry, ErrorName } from './protocol/errors.ts';
export type { JsonObject, RpcError, RpcId } from './protocol/jsonrpc.ts';
export { contextOf } from './protocol/session-context.ts';
export type { SessionContext, Transport } from './protocol/session-context.ts';
export type { RoleLimits, RoleRules } from './router/roles.ts';
export type { Kind, ViewRules } from './router/view.ts';
export type { Rules } from './router/rules.ts';
export type {
  Acquired,
  Announcements,
  Counters,
  Entry,
  Fact,
  Facts,
  HeldLease,
  Lease,
  Leases,
  Log,
  KeepOptions,
  Portion,
  Shares,
  SharedStore,
  Store,
  StoreNotice,
} from './stores/store.ts';
export { openStore } from './stores/open-store.ts';
export type { OpenStoreOptions } from './stores/open-store.ts';
export type { Traffic } from './transports/channel.ts';
export type { SdkTransport } from './transports/sdk.ts';
export type { ClientTls, ClientTlsFiles } from './transports/tls/client-tls.ts';
export type { Failing } from './upstreams/breaker.ts';
export type { ClientTokenOptions } from './upstreams/client-token.ts';
export type { FactoryContext, ServerFactory } from './upstreams/in-process.ts';
export type { MemberFacts, MemberState } from './upstreams/replica.ts';
export type { Isolation } from './upstreams/member-key.ts';
export type { CheckResult } from './upstreams/server-check.ts';
export { addressBlock, isLoopback } from './util/address.ts';
export type { Duration, Size } from './util/units.ts';
