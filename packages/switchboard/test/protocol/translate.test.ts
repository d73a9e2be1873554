import { describe, expect, it } from 'vitest';

import { META } from '../../src/protocol/eras.ts';
import {
  addEnvelope,
  completeResult,
  discoverFromInitialize,
  initializeFromDiscover,
  plainResult,
  stripEnvelope,
} from '../../src/protocol/translate.ts';

const envelope = { version: '2026-07-28', capabilities: { sampling: {} }, clientInfo: { name: 'c' } };

describe('crossing the eras', () => {
  it('adds an envelope that the client cannot forge, and takes off only that', () => {
    const params = {
      name: 't',
      _meta: { progressToken: 1, traceparent: 'x', [META.clientCapabilities]: { forged: true } },
    };
    const modern = addEnvelope(params, envelope);
    expect(modern).toEqual({
      name: 't',
      _meta: {
        progressToken: 1,
        traceparent: 'x',
        [META.protocolVersion]: '2026-07-28',
        [META.clientCapabilities]: { sampling: {} },
        [META.clientInfo]: { name: 'c' },
      },
    });
    expect(stripEnvelope(modern)).toEqual({ name: 't', _meta: { progressToken: 1, traceparent: 'x' } });
    expect(stripEnvelope(addEnvelope(undefined, envelope))).toEqual({});
    expect(stripEnvelope(undefined)).toBeUndefined();
  });

  it('completes a legacy result, and makes a modern one plain again', () => {
    const legacy = { tools: [], _meta: { own: 1 } };
    const modern = completeResult('tools/list', legacy, { name: 's' });
    expect(modern).toEqual({
      tools: [],
      resultType: 'complete',
      ttlMs: 0,
      cacheScope: 'private',
      _meta: { own: 1, [META.serverInfo]: { name: 's' } },
    });
    expect(plainResult('tools/list', modern)).toEqual(legacy);
    expect(completeResult('tools/call', { content: [] }, undefined)).toEqual({ content: [], resultType: 'complete' });
    expect(plainResult('tools/call', completeResult('tools/call', { content: [] }, { name: 's' }))).toEqual({
      content: [],
    });
  });

  it('introduces a server of one era in the other, without what does not cross', () => {
    const capabilities = {
      tools: { listChanged: true },
      resources: { subscribe: true },
      logging: {},
      tasks: {},
      experimental: { x: {} },
    };
    const discovered = discoverFromInitialize(
      {
        protocolVersion: '2025-11-25',
        capabilities,
        serverInfo: { name: 's' },
        instructions: 'i',
      },
      true,
    );
    expect(discovered).toMatchObject({
      supportedVersions: ['2026-07-28'],
      capabilities: { tools: {}, resources: {}, experimental: { x: {} } },
      instructions: 'i',
      resultType: 'complete',
      _meta: { [META.serverInfo]: { name: 's' } },
    });
    expect(discovered['capabilities']).not.toHaveProperty('tasks');
    expect(initializeFromDiscover(discovered, '2025-06-18')).toMatchObject({
      protocolVersion: '2025-06-18',
      serverInfo: { name: 's' },
      instructions: 'i',
    });
  });
});
