/**
 * What one client brings for servers that ask each caller for a value of its own: in headers of its request or of its upgrade, or
 * by the request `switchboard/credentials` (PROTOCOL.md, "Values of the caller"). In memory only, and never shown.
 */
import type { IncomingHttpHeaders } from 'node:http';

import { SwitchboardError } from '../protocol/errors.ts';
import { isObject } from '../protocol/jsonrpc.ts';
import type { JsonObject } from '../protocol/jsonrpc.ts';
import type { CallerCredentials, Upstream } from '../router/exchange.ts';
import { readVia } from '../transports/http/via.ts';

/** The vendor request of clients that cannot set headers. */
export const CREDENTIALS_METHOD = 'switchboard/credentials';

/** The longest value, in characters. */
const MAX_LENGTH = 8192;
/** What a header can carry. */
const SENDABLE = /^[\x20-\x7e\x80-\xff]+$/;

export class CallerCredentialValues implements CallerCredentials {
  readonly headers: Record<string, string> = {};
  readonly claims: Readonly<Record<string, string>>;
  readonly via: readonly string[];
  readonly #upstream: Pick<Upstream, 'name' | 'callerHeaders'>;
  #used = false;

  /** Only those headers are kept that the upstream asks for. */
  constructor(
    upstream: Pick<Upstream, 'name' | 'callerHeaders'>,
    headers: IncomingHttpHeaders = {},
    claims: Readonly<Record<string, string>> = {},
  ) {
    this.#upstream = upstream;
    this.claims = claims;
    this.via = readVia(headers);
    for (const name of upstream.callerHeaders) {
      const value = headers[name];
      if (typeof value === 'string' && value !== '') this.headers[name] = value;
    }
  }

  /** Servers are chosen by these values: they stay as they are. */
  use(): void {
    this.#used = true;
  }

  /**
   * Takes the params of a `switchboard/credentials`.
   *
   * @throws {SwitchboardError} `SWB_INVALID_PARAMS`, `SWB_CREDENTIAL_CHANGED`; no message repeats a value.
   */
  take(params: JsonObject | undefined): void {
    const values = params?.['values'];
    if (!isObject(values)) throw invalid('values is missing or no object');
    const read = Object.entries(values).map(([name, value]): [string, string] => {
      if (!this.#upstream.callerHeaders.includes(name.toLowerCase())) {
        const known = this.#upstream.callerHeaders.join(', ') || 'none';
        throw invalid(
          `${this.#upstream.name} asks for no ${JSON.stringify(name.slice(0, 100))}; it asks for: ${known}`,
        );
      }
      if (typeof value !== 'string' || value.length > MAX_LENGTH || !SENDABLE.test(value)) {
        throw invalid(`the value of ${name} is no text of 1 to ${MAX_LENGTH} characters that a header can carry`);
      }
      return [name.toLowerCase(), value];
    });
    if (this.#used) this.mustEqual(Object.fromEntries(read));
    else Object.assign(this.headers, Object.fromEntries(read));
  }

  /** @throws {SwitchboardError} `SWB_CREDENTIAL_CHANGED` when one of these headers is not what it was. */
  mustEqual(headers: Readonly<Record<string, string>>): void {
    const changed = Object.keys(headers).find((name) => headers[name] !== this.headers[name]);
    if (changed === undefined) return;
    const detail = `${changed} is not what this session began with; open another session`;
    throw new SwitchboardError('SWB_CREDENTIAL_CHANGED', { detail });
  }
}

const invalid = (detail: string): SwitchboardError => new SwitchboardError('SWB_INVALID_PARAMS', { detail });
