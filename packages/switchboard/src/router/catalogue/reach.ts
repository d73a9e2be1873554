/** How the parts of the catalogue reach its upstreams on behalf of one client; the slot of the catalogue implements it. */
import type { RpcNotification } from '../../protocol/jsonrpc.ts';
import type { Exchange, Member, Scope } from '../exchange.ts';
import type { SubExchange } from '../sub-exchange.ts';
import type { CatalogueContext } from './context.ts';
import type { LinkPlace } from './links.ts';
import type { UpstreamReader } from './owners.ts';

export interface Reach extends UpstreamReader {
  readonly catalogue: CatalogueContext;
  readonly scope: Scope;
  /** Where a link leads that a client shows; nothing for any other URI, and for a link that no tool names. */
  placeOf(uri: string, exchange: Exchange): Promise<LinkPlace | undefined>;
  /** The member of an upstream, however long it takes; nothing when it is no longer wanted. */
  reach(name: string, scope: Scope, isOver: () => boolean): Promise<Member | undefined>;
  /** Hands a part of an exchange to an upstream, which settles it in the end. Never throws. */
  serve(name: string, sub: SubExchange): void;
  /** A part of an exchange has ended. */
  forget(sub: SubExchange): void;
  cancel(exchange: Exchange, reason?: string): void;
  notify(note: RpcNotification): void;
  close(): void;
}
