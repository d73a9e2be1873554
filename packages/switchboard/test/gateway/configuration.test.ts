/** The configuration as operators see it: what holds and where it comes from, and no secret of it. */
import { describe, expect, it } from 'vitest';

import { originsOf } from '../../src/cli/origins.ts';
import type { ConfigurationFacts } from '../../src/gateway/admin/configuration.ts';
import { readConfiguration } from '../../src/gateway/configuration.ts';
import { isEditable } from '../../src/gateway/configuration-file.ts';
import { OPTIONS, OPTION_NAMES } from '../../src/gateway/options.ts';
import type { Settings } from '../../src/gateway/settings.ts';
import { servers, startGateway } from '../support/gateway.ts';
import { http } from '../support/http.ts';
import { bearer } from '../support/keys.ts';

interface Found {
  facts: ConfigurationFacts;
  text: string;
  settings: Settings;
}

async function factsOf(options: Record<string, unknown>): Promise<Found> {
  const { gateway } = await startGateway({ upstreams: { demo: servers.demo }, ...options });
  const headers = bearer(gateway.adminToken!);
  const { body } = await http(`${gateway.adminUrl}/configuration`, { method: 'GET', headers });
  return { facts: JSON.parse(body) as ConfigurationFacts, text: body, settings: gateway.settings };
}

const optionIn = ({ options }: ConfigurationFacts, name: string): unknown => options.find((each) => each.name === name);

describe('the configuration', () => {
  it('has every option with its value, unit, default and origin', async () => {
    const { facts } = await factsOf({
      maxConnections: 7,
      idleTimeout: '90s',
      maxMessageSize: '2MiB',
      origins: { maxConnections: 'flag --max-connections' },
    });
    expect(facts.options.map(({ name }) => name)).toEqual(OPTION_NAMES);
    expect(optionIn(facts, 'maxConnections')).toMatchObject({
      value: 7,
      default: 50,
      origin: 'flag --max-connections',
    });
    expect(optionIn(facts, 'idleTimeout')).toMatchObject({ value: 90_000, unit: 'ms', origin: 'default' });
    expect(optionIn(facts, 'maxMessageSize')).toMatchObject({ value: 2 * 1024 ** 2, unit: 'bytes' });
    expect(optionIn(facts, 'rateLimit')).toMatchObject({ value: 'unlimited' });
    expect(optionIn((await factsOf({ maxConnections: 7 })).facts, 'maxConnections')).toMatchObject({
      origin: 'program',
    });
  });

  it('says each value as one writes it: read again, it is the same', async () => {
    const traceUrl = 'https://jaeger.example.com/trace?id={traceId}&from=console';
    const given = { idleTimeout: '90s', maxMessageSize: 1_000_000, absentGrace: 'never', traceUrl };
    const { facts, settings } = await factsOf(given);
    const written = Object.fromEntries(facts.options.map((option) => [option.name, option.written]));
    expect(written).toMatchObject({ ...given, maxMessageSize: '1000000B', rateLimit: 'unlimited', compression: 'off' });
    const editable = OPTION_NAMES.filter((name) => isEditable(name));
    expect(editable.length).toBeGreaterThan(40);
    for (const name of editable) {
      const isFlag = typeof settings[name] === 'boolean';
      const value = isFlag ? written[name] === 'on' : written[name];
      const again = readConfiguration({ upstreams: { demo: servers.demo }, [name]: value }).settings;
      expect([name, again[name]]).toEqual([name, settings[name]]);
    }
  });

  it('has no secret: no token, credential in an address, argument, variable or header', async () => {
    const canary = (what: string): string => `canary-${what}-0123456789abcdef0123456789`;
    const { facts, text } = await factsOf({
      adminToken: canary('admin'),
      token: canary('token'),
      roles: { default: { tools: { deny: ['x'] } } },
      upstreams: {
        child: { command: '/usr/bin/node', args: [canary('argument')], env: { KEY: canary('variable') } },
        remote: {
          url: `https://user:${canary('password')}@example.com/mcp?key=${canary('query')}`,
          headers: { a: canary('header') },
        },
      },
    });
    expect(text).not.toContain('canary-');
    expect(optionIn(facts, 'token')).toMatchObject({ value: '(set, not shown)' });
    const hidden = OPTION_NAMES.filter((name) => OPTIONS[name].secret === true);
    expect(hidden.length).toBeGreaterThan(0);
    expect(facts.upstreams).toEqual([
      { name: 'child', kind: 'command', at: 'node', isolation: 'session' },
      { name: 'remote', kind: 'url', at: 'https://example.com/mcp', isolation: 'session' },
    ]);
    expect(facts.roles).toEqual({ default: { tools: { deny: ['x'] } } });
  });

  it('comes from a flag before a variable, and from that before the file', () => {
    const origins = originsOf({
      flags: { port: 1 },
      environment: { SWITCHBOARD_PORT: '2', SWITCHBOARD_LOG_LEVEL: 'warn', MCP_HOST: 'x', SWITCHBOARD_REST: '' },
      settings: { port: 3, logLevel: 'info', host: 'y', rest: 'off' },
      files: ['a.json', 'b.json'],
    });
    expect(origins).toEqual({
      port: 'flag --port',
      logLevel: 'variable SWITCHBOARD_LOG_LEVEL',
      host: 'variable MCP_HOST',
      rest: 'file a.json, b.json',
    });
  });
});
