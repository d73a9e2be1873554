import { Api } from './api.ts';
import { type Credentials, Http } from './http.ts';
import { Markets } from './markets.ts';
import { Rate } from './rate.ts';
import { Streams } from './streams.ts';
import { safeUrl } from './url.ts';

export interface LunoOptions {
  /** Without them there is market data only, and nothing is live. */
  credentials?: Credentials;
  /** `https:`, or `http:` to this machine. @default 'https://api.luno.com' */
  baseUrl?: string;
  /** `wss:`, or `ws:` to this machine. @default 'wss://ws.luno.com' */
  streamUrl?: string;
  /** Leaves out every tool that changes something. @default false */
  readOnly?: boolean;
  /** Fewer than Luno allows a key when other processes use the same one. @default 300 */
  callsPerMinute?: number;
  /** Milliseconds for each attempt of an HTTP call. @default 15_000 */
  timeoutMs?: number;
  /** Told of what no caller can be told, such as a refused stream. Nothing in it is secret. */
  onError?: (error: Error) => void;
}

/**
 * One API key at Luno: its calls, the rate they share, the markets and the live order books. The servers of all sessions
 * that use the key are made from the same one.
 */
export class Luno {
  readonly api: Api;
  readonly markets: Markets;
  /** Undefined without credentials: Luno streams to those with a key only. */
  readonly streams: Streams | undefined;
  readonly readOnly: boolean;
  readonly onError: (error: Error) => void;

  /** Throws `invalid_argument` for an address over which a key could be overheard. */
  constructor(options: LunoOptions = {}) {
    const { credentials, readOnly = false, callsPerMinute = 300, timeoutMs = 15_000, onError = () => {} } = options;
    const baseUrl = safeUrl('base URL', options.baseUrl ?? 'https://api.luno.com', ['https:', 'http:']);
    const streamUrl = safeUrl('stream URL', options.streamUrl ?? 'wss://ws.luno.com', ['wss:', 'ws:']);
    const http = new Http({ baseUrl, credentials, rate: new Rate({ calls: callsPerMinute }), timeoutMs });
    this.api = new Api(http, credentials !== undefined);
    this.markets = new Markets(this.api);
    this.streams = credentials && new Streams({ url: streamUrl, credentials, onError });
    this.readOnly = readOnly;
    this.onError = onError;
  }
}
