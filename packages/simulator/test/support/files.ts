import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';

/** A folder of the test's own. */
export function folder(): string {
  const path = mkdtempSync(join(tmpdir(), 'simulator-'));
  onTestFinished(() => rmSync(path, { recursive: true }));
  return path;
}

export function scenarioFile(scenario: unknown): string {
  const path = join(folder(), 'scenario.json');
  writeFileSync(path, JSON.stringify(scenario));
  return path;
}
