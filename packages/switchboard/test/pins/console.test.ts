/** Everything that the console does, the admin API and a command do: one table of operations. */
import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';

import { OPERATIONS } from '../../../console/src/pages/console/operations.ts';
import { loadProgram } from '../../src/cli/program.ts';
import { ROUTES } from '../../src/gateway/admin/routes.ts';
import { ACTED } from '../../src/observe/acted.ts';
import { root } from '../support/gateway.ts';

const program = await loadProgram();
const routes = new Map(ROUTES.map((route) => [`${route.method} ${route.path}`, route]));

/** What the guide says of actions: on the page, the command, the route. */
const guide = readFileSync(`${root}docs/guide/console.md`, 'utf8')
  .split('\n')
  .flatMap((line) => {
    const [, command, route] = /^\| [^|]+ \| `switchboard ([^`]+)` \| `([^`]+)` \|$/.exec(line) ?? [];
    return command === undefined ? [] : [{ command, route: route!.replace('/admin', '') }];
  });

it.each(Object.values(OPERATIONS))(
  '%s, which the console does, is a route of the admin API with a command',
  (operation) => {
    const route = routes.get(operation);
    expect(route?.command, operation).toBeDefined();
    const [name = '', ...rest] = route!.command!.split(' ');
    const family = program.commands.find((each) => each.name() === name);
    const own = family?.commands.find((each) => each.name() === rest[0]);
    const command = own ?? family;
    const [flag = ''] = own === undefined ? rest : rest.slice(1);
    expect(command, name).toBeDefined();
    const words = [
      ...command!.options.map(({ long }) => long),
      ...command!.registeredArguments.map((each) => `<${each.name()}>`),
    ];
    if (flag !== '') expect(words).toContain(flag);
  },
);

it('has words for "What changed": every operation that changes something', () => {
  const changing = [...routes].filter(([, { method }]) => method !== 'GET').map(([name]) => name);
  expect(Object.keys(ACTED).toSorted()).toEqual(changing.toSorted());
});

it('is in the guide with its command: every operation of the console that changes something', () => {
  const acting = Object.values(OPERATIONS).filter((operation) => !operation.startsWith('GET '));
  expect(guide.map(({ route }) => route).toSorted()).toEqual(acting.toSorted());
  for (const { command, route } of guide) expect(command.split(' ')[0]).toBe(routes.get(route)!.command!.split(' ')[0]);
});
