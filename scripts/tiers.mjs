// The tiers of the tests. What a test file uses decides, and with it how long it takes. A file is in the first tier that has a pattern
// for it, so that every file is in one.
import { join } from 'node:path';

import { root } from './ready.mjs';

const switchboard = 'packages/switchboard/test';

/** Folders of tests, and single files, as patterns. */
const under = (folder, ...names) =>
  names.map((name) => `${folder}/${name}${name.endsWith('.ts') ? '' : '/**/*.test.ts'}`);

const TIERS = {
  /** Pages in Chromium. */
  browser: ['**/*.browser.test.ts'],
  /** Parts of a package in the process of the test: no child process, no address beyond this machine. `unit-tier.mjs` enforces it. */
  unit: [
    ...under(switchboard, 'auth', 'callers', 'limits', 'peers', 'protocol', 'router', 'structure', 'util'),
    ...under(switchboard, 'cli/adopt/formats.test.ts'),
    ...under(switchboard, 'cli/companion.test.ts', 'cli/program.test.ts', 'cli/variables.test.ts'),
    ...under(switchboard, 'upstreams/demand.test.ts', 'upstreams/replica.test.ts'),
    ...under(switchboard, 'fuzz/parsers.test.ts'),
    ...under(
      switchboard,
      'pins/dashboard.test.ts',
      'pins/deploy.test.ts',
      'pins/reference.test.ts',
      'pins/security.test.ts',
    ),
    ...under(
      switchboard,
      'transports/certificates.test.ts',
      'transports/keepalive.test.ts',
      'transports/lines.test.ts',
    ),
    ...under('packages/chat/test', 'context.test.ts', 'names.test.ts', 'structure.test.ts'),
    ...under('packages/console/test', 'chat', 'common', 'console'),
    ...under('packages/simulator/test', 'parts.test.ts', 'pins/reference.test.ts'),
    ...under('servers/demo/test', 'clock.test.ts', 'notes.test.ts', 'subscriptions.test.ts'),
    ...under('servers/devenv/test', 'redact.test.ts'),
    ...under('servers/luno/test', 'book.test.ts', 'rate.test.ts'),
    ...under('servers/tallyfy/test', 'sentence.test.ts', 'values.test.ts'),
  ],
  /** What is installed: the built command in a process of its own, clients of others, and what the documents say. */
  e2e: [...under(switchboard, 'cli', 'documents', 'e2e', 'pins'), 'packages/simulator/test/**/*.test.ts'],
  /** The others: a gateway, a chat or a server in the process of the test, spoken to by hand over sockets and pipes. */
  wire: ['{packages,servers}/*/test/**/*.test.ts'],
};

/** The tiers as projects of vitest. */
export const projects = Object.entries(TIERS).map(([name, include], nth, all) => ({
  name,
  include,
  exclude: all.slice(0, nth).flatMap(([, patterns]) => patterns),
  // Loaded once for all files, the sources take half the time.
  ...(name === 'unit'
    ? { isolate: false, setupFiles: [join(root, 'scripts/unit-tier.mjs')] }
    : { setupFiles: [join(root, 'scripts/left-behind.mjs')] }),
}));
