/** All that watches a gateway, put together: whoever is told of events, and what is told of exchanges. */
import type { Tracer } from '@opentelemetry/api';

import { clientOf } from '../callers/registry.ts';
import { AuditLog, sizesOf } from '../observe/audit.ts';
import type { Contents } from '../observe/audit.ts';
import type { Emit, GatewayEvent } from '../observe/events.ts';
import { Metrics } from '../observe/metrics.ts';
import { Readiness } from '../observe/readiness.ts';
import { endedEvent, startedEvent } from '../observe/requests.ts';
import { Traces } from '../observe/traces.ts';
import type { Exchange, Outcome } from '../router/exchange.ts';
import type { RouterOptions } from '../router/router.ts';
import { meteredStore } from '../stores/metered-store.ts';
import type { SharedStore } from '../stores/store.ts';
import { owned } from '../util/owned.ts';
import type { Settings } from './settings.ts';
import { PRODUCT } from './product.ts';

export interface ObservationOptions {
  settings: Settings;
  upstreams: readonly string[];
  onEvent: Emit;
  tracer?: Tracer;
}

export class Observation {
  readonly metrics: Metrics | undefined;
  readonly readiness: Readiness;
  readonly emit: Emit;
  readonly #notify: Emit;
  readonly #listeners: Emit[];
  readonly #audit: AuditLog | undefined;
  readonly #traces: Traces | undefined;
  #storeLagMs: () => number = () => 0;

  constructor({ settings, upstreams, onEvent, tracer }: ObservationOptions) {
    const { metrics, auditLog, auditContents } = settings;
    this.readiness = new Readiness(upstreams);
    this.metrics = metrics ? new Metrics(PRODUCT.version) : undefined;
    this.#traces = tracer === undefined ? undefined : new Traces(tracer);
    const listeners = [onEvent, this.readiness.onEvent, this.metrics?.onEvent, this.#traces?.onEvent].filter(
      (listener) => listener !== undefined,
    );
    this.#listeners = listeners;
    const notify: Emit = (event) => {
      for (const listener of listeners) {
        try {
          const told: unknown = listener(event);
          if (told instanceof Promise) told.catch((error) => notifyOthers(listener, event, error));
        } catch (error) {
          notifyOthers(listener, event, error);
        }
      }
    };
    // A listener that fails must not keep anything from the others, nor from what the event is about.
    const notifyOthers = (failing: Emit, event: GatewayEvent, error: unknown): void => {
      if (event.type === 'failed') return;
      for (const listener of listeners) {
        if (listener === failing) continue;
        owned(
          () => listener({ type: 'failed', where: `a listener of ${event.type}`, error }),
          () => {},
        );
      }
    };
    const audit = auditLog === '' ? undefined : new AuditLog({ path: auditLog, contents: auditContents, emit: notify });
    this.#audit = audit;
    this.#notify = notify;
    this.emit = audit === undefined ? notify : (event) => this.#audited(event);
  }

  /** What a router tells of its exchanges. */
  get ofExchanges(): Pick<RouterOptions, 'onOpen' | 'onEnd' | 'carry' | 'onFault'> {
    const traces = this.#traces;
    return {
      onOpen: (exchange) => this.emit(startedEvent(exchange)),
      onEnd: (exchange, outcome) => this.#ended(exchange, outcome),
      onFault: (where, error) => this.emit({ type: 'failed', where, error }),
      ...(traces !== undefined && {
        carry: (opening) => traces.begin(startedEvent(opening), opening.params),
      }),
    };
  }

  /** The store, whose use is measured from now on where there are metrics. */
  metered(store: SharedStore): SharedStore {
    this.#storeLagMs = () => store.lagMs?.() ?? 0;
    return this.metrics === undefined || store.reach === 'process' ? store : meteredStore(store, this.metrics.store);
  }

  /** For how long what is written behind has waited, in ms. */
  get storeLagMs(): number {
    return this.#storeLagMs();
  }

  /** Tells one more of everything that happens from now on. */
  watch(listener: Emit): void {
    this.#listeners.push(listener);
  }

  reopenAuditLog(): void {
    this.#audit?.reopen();
  }

  async close(): Promise<void> {
    await this.#audit?.close();
  }

  #ended(exchange: Exchange, outcome: Outcome | 'cancelled'): void {
    const event = endedEvent(exchange, outcome);
    const audit = this.#audit;
    if (audit === undefined) {
      this.emit(event);
      return;
    }
    const contents: Contents = { params: exchange.params, outcome };
    const { name, version } = clientOf(exchange.scope.clientInfo).client ?? {};
    const client = [name, version].filter((part) => part !== undefined).join(' ');
    const sized = { ...event, ...(client !== '' && { client }), ...sizesOf(contents) };
    this.#audited(sized, audit.contents ? contents : undefined);
  }

  #audited(event: GatewayEvent, contents?: Contents): void {
    this.#notify(event);
    this.#audit?.write(event, contents);
  }
}
