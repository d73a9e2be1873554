/** What the client weighs in a page: built by Vite from the packed package, as a project has it that depends on it. */
import { readFileSync } from 'node:fs';
import { gzipSync } from 'node:zlib';
import { describe, expect, it, onTestFinished } from 'vitest';

import { createProject } from '../support/vite.ts';

const guide = readFileSync(new URL('../../../../docs/guide/websocket.md', import.meta.url), 'utf8');

/** The size that the guide states, in bytes. */
const stated = (what: string): number => {
  const row = guide.split('\n').find((line) => line.startsWith(`| ${what} |`));
  return Number(/(\d+) KiB/.exec(row ?? '')?.[1]) * 1024;
};

describe('in a page', () => {
  it.each(['WebSocketClientTransport', 'connect'])(
    '%s weighs no more than the guide says, and nothing of Node is looked at',
    async (name) => {
      const project = createProject(`import { ${name} } from 'mcp-switchboard/client';\nglobalThis.kept = ${name};\n`);
      onTestFinished(() => project.remove());
      const { code, modules } = await project.build();
      const bytes = gzipSync(code).length;
      const limit = stated(`\`${name}\``);
      expect(bytes).toBeLessThanOrEqual(limit);
      // Nor much less: the guide is to be believed.
      expect(bytes).toBeGreaterThan(limit * 0.8);
      expect(modules.filter((id) => /^node:|browser-external|\/ws\//.test(id))).toEqual([]);
      expect(modules.filter((id) => id.endsWith('/dist/client-browser.js'))).toHaveLength(1);
      // The version that Node gets needs programs and files.
      expect(modules.filter((id) => id.endsWith('/dist/client.js'))).toEqual([]);
    },
  );
});
