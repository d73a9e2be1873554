/** What a client offers and a server selects (PROTOCOL.md, "Subprotocol"). */
import { RESUMABLE } from './control.ts';

/** The subprotocol of MCP over WebSocket: the one that the official SDK's client offers. */
export const SUBPROTOCOL = 'mcp';
/** What a server selects, by preference. */
export const SUBPROTOCOLS: readonly string[] = [RESUMABLE, SUBPROTOCOL];
/** What a client offers. Many servers select the first entry without knowing it, so that comes first which promises nothing. */
export const OFFERED: readonly string[] = [SUBPROTOCOL, RESUMABLE];

/** A bearer token in base64url (SEP-1288), and a ticket, for clients that cannot set headers. Never selected, so never sent back. */
export const AUTH = 'mcp.auth.';
export const TICKET = 'mcp.ticket.';

/** The subprotocol entry that carries a bearer token. */
export function bearerSubprotocol(token: string): string {
  const bytes = new TextEncoder().encode(token);
  const base64 = btoa(String.fromCharCode(...bytes));
  return AUTH + base64.replaceAll('+', '-').replaceAll('/', '_').replace(/=+$/, '');
}

export const ticketSubprotocol = (ticket: string): string => TICKET + ticket;
