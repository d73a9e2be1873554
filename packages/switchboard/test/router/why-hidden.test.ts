/** What operators are told of a hidden tool is what hides it: as whoever asks for it finds. */
import { describe, expect, it } from 'vitest';

import { Roles } from '../../src/router/roles.ts';
import type { RoleRules } from '../../src/router/roles.ts';
import type { Rules } from '../../src/router/rules.ts';
import { pageThrough, viewOfRules } from '../../src/router/view.ts';
import { whyHidden } from '../../src/router/why-hidden.ts';

const RULES: readonly (Rules | undefined)[] = [
  undefined,
  { allow: ['read_*'] },
  { deny: ['*_all'] },
  { allow: ['*'], deny: ['write'] },
];
const ROLES: readonly RoleRules[] = [
  {},
  { upstreams: ['demo'] },
  { upstreams: ['other'] },
  { readOnly: true },
  { tools: { allow: ['demo__read_*'] } },
  { tools: { deny: ['demo__write'] } },
  { tools: { allow: ['write'], deny: ['read_*'] }, readOnly: true },
];
const TOOLS = ['read_one', 'read_all', 'write', 'demo__write', ''].flatMap((name) => [
  { name },
  { name, annotations: { readOnlyHint: true } },
]);

describe('why a tool is hidden', () => {
  it('is said of exactly those tools that callers do not get, under all rules and roles and pairs of roles', () => {
    const sets = [...ROLES.map((role) => [role]), ...ROLES.flatMap((one) => ROLES.map((other) => [one, other]))];
    let [seen, hidden] = [0, 0];
    for (const tools of RULES) {
      const base = viewOfRules(tools === undefined ? {} : { tools });
      for (const set of sets) {
        const roles = new Roles(Object.fromEntries(set.map((rules, nth) => [`role${nth}`, rules])));
        const rights = roles.of(roles.names);
        const view = rights.viewOf('demo', base);
        for (const tool of TOOLS) {
          const page = pageThrough(view, 'tools/list', { tools: [tool] });
          const isSeen = rights.serves('demo') && (page['tools'] as unknown[]).length === 1;
          const why = whyHidden(tool, { upstream: 'demo', rules: tools, roles: roles.rules });
          expect([tool, tools, set, why === undefined]).toEqual([tool, tools, set, isSeen]);
          if (isSeen) seen++;
          else hidden++;
        }
      }
    }
    expect(Math.min(seen, hidden)).toBeGreaterThan(300);
  });

  it('names the rule, of the server before those of roles', () => {
    const roles = new Map<string, RoleRules>([
      ['reader', { readOnly: true }],
      ['other', { upstreams: ['other'] }],
    ]);
    const why = (tool: object, rules?: Rules, its: ReadonlyMap<string, RoleRules> | undefined = roles): unknown =>
      whyHidden({ ...tool }, { upstream: 'demo', rules, roles: its });
    expect(why({ name: 'write' })).toBe(
      'role reader: readOnly, and the tool does not say readOnlyHint; role other: upstreams does not have demo',
    );
    expect(why({ name: 'write' }, { deny: ['w*'] })).toBe('tools.deny of the server demo has "w*"');
    expect(why({ name: 'write' }, { allow: ['r*'] })).toBe('tools.allow of the server demo does not have it');
    expect(why({ name: 'x' }, undefined, new Map())).toMatch(/no role gives access/);
    expect(whyHidden({ name: 'x' }, { upstream: 'demo', rules: undefined, roles: undefined })).toBeUndefined();
  });
});
