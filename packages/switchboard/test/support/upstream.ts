/** A gateway with one upstream whose pool can be looked into. */
import { onTestFinished } from 'vitest';

import { Gateway } from '../../src/gateway/gateway.ts';
import { Observation } from '../../src/gateway/observation.ts';
import { readSettings } from '../../src/gateway/options.ts';
import type { UpstreamOptions } from '../../src/gateway/upstream-options.ts';
import type { GatewayEvent } from '../../src/observe/events.ts';
import type { Pool } from '../../src/upstreams/pool.ts';
import { servers } from './gateway.ts';

export interface TestUpstream {
  pool: Pool;
  operations: Gateway['operations'];
  ws: string;
  http: string;
  events: GatewayEvent[];
  /** The events of one type so far. */
  eventsOf<T extends GatewayEvent['type']>(type: T): Extract<GatewayEvent, { type: T }>[];
}

/** @param upstream what differs from the scripted server, or another server as a whole. */
export async function startUpstream(
  upstream: Partial<UpstreamOptions>,
  options: Record<string, unknown> = {},
): Promise<TestUpstream> {
  const { settings, problems } = readSettings({ port: 0, rateLimit: 'unlimited', ...options });
  if (problems.length > 0) throw new Error(JSON.stringify(problems));
  const events: GatewayEvent[] = [];
  const whole = 'url' in upstream || 'command' in upstream ? upstream : { ...servers.scripted, ...upstream };
  const upstreams = { default: whole as UpstreamOptions };
  const onEvent = (event: GatewayEvent): void => void events.push(event);
  const observation = new Observation({ settings, upstreams: ['default'], onEvent });
  const gateway = new Gateway({ settings, upstreams, environment: process.env, observation });
  onTestFinished(() => gateway.close());
  const [address] = await gateway.listen();
  return {
    pool: gateway.pool('default')!,
    operations: gateway.operations,
    ws: address?.websocket ?? '',
    http: address?.http ?? '',
    events,
    eventsOf: (type) => events.filter((event) => event.type === type) as never,
  };
}
