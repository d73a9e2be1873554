import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { createDemoServer, Subscriptions } from '../src/index.ts';

describe('the clock', () => {
  beforeEach(() => void vi.useFakeTimers());
  afterEach(() => void vi.useRealTimers());

  it('runs as long as anyone holds a subscription to it', () => {
    const subscriptions = new Subscriptions();
    createDemoServer({ subscriptions });
    subscriptions.subscribe(1, ['demo://notes']);
    expect(vi.getTimerCount()).toBe(0);
    subscriptions.subscribe(2, ['demo://notes', 'demo://clock']);
    subscriptions.subscribe('2', ['demo://clock']);
    expect(vi.getTimerCount()).toBe(1);
    subscriptions.unsubscribe(2);
    expect(vi.getTimerCount()).toBe(1);
    subscriptions.unsubscribe('2');
    expect(vi.getTimerCount()).toBe(0);
  });

  it('runs at once if it was subscribed to before there was a server', () => {
    const subscriptions = new Subscriptions();
    subscriptions.subscribe(1, ['demo://clock']);
    createDemoServer({ subscriptions });
    expect(vi.getTimerCount()).toBe(1);
  });
});
