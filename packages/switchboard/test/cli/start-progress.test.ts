/** The line that a terminal shows while servers start. */
import { describe, expect, it, onTestFinished } from 'vitest';

import { StartProgress } from '../../src/cli/start-progress.ts';
import type { GatewayEvent } from '../../src/observe/events.ts';

const ERASE = '\r\u001b[K';

function watch(columns = 200): { emit(event: GatewayEvent): string; at(ms: number): string } {
  let [now, shown] = [0, ''];
  const progress = new StartProgress({
    upstreams: { files: { command: '/usr/bin/npx', args: ['-y', 'files'] }, own: { command: 'node', args: [] } },
    startTimeoutMs: 60_000,
    columns: () => columns,
    // As a terminal does.
    write: (text) => (shown = text === ERASE ? '' : shown + text),
    now: () => now,
  });
  onTestFinished(() => progress.close());
  return {
    emit: (event) => {
      progress.onEvent(event, () => expect(shown).toBe(''));
      return shown;
    },
    at: (ms) => {
      now = ms;
      progress.draw();
      return shown;
    },
  };
}

const started = (upstream: string, slot = 's'): GatewayEvent => ({ type: 'member.started', upstream, slot });

describe('the progress of starts', () => {
  it('says what starts and for how long, what may hold it up, and the option that waits longer', () => {
    const { emit, at } = watch();
    emit(started('files'));
    expect(at(1999)).toBe('');
    expect(at(5000)).toBe('Starting files … 5s (npx may be downloading the package; at most 1m, --start-timeout)');
    expect(emit({ type: 'upstream.stderr', upstream: 'files', line: 'Installed 3 packages' })).toBe(
      'Starting files … 5s (Installed 3 packages; at most 1m, --start-timeout)',
    );
    emit(started('own'));
    expect(at(7000)).toContain(', own … 2s (at most 1m, --start-timeout)');
    const ready = { era: 'legacy', version: '', ms: 1, again: false } as const;
    emit({ type: 'member.ready', upstream: 'files', slot: 's', ...ready });
    expect(at(8000)).toBe('Starting own … 3s (at most 1m, --start-timeout)');
    expect(emit({ type: 'member.failed', upstream: 'own', slot: 's', reason: 'it ended' })).toBe('');
    expect(at(90_000)).toBe('');
  });

  it('is one line of the terminal, and no server can steer it', () => {
    const { emit, at } = watch(30);
    emit(started('files'));
    emit({ type: 'upstream.stderr', upstream: 'files', line: 'x\u001b[2J' });
    expect(at(5000)).toBe('Starting files … 5s (x\uFFFD[2J; a');
  });

  it('says nothing of those that no client waits for', () => {
    const { emit, at } = watch();
    emit(started('files', 'spare'));
    emit(started('files', 'check'));
    expect(at(30_000)).toBe('');
  });
});
