/** The reference pages say what the code says: every entry of a table in the code has its row, and every row its entry. */
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';

import { settingsOf } from '../../../../scripts/generate/settings.mjs';
import { ALIASES, variableFor } from '../../src/cli/environment.ts';
import { EXIT } from '../../src/cli/exit.ts';
import { OPTION_GROUPS } from '../../src/cli/option-groups.ts';
import { loadProgram } from '../../src/cli/program.ts';
import { serveCommand } from '../../src/cli/serve.ts';
import { ROUTES } from '../../src/gateway/admin/routes.ts';
import { OPTIONS, namesOf } from '../../src/gateway/options.ts';
import { PRODUCT } from '../../src/gateway/product.ts';
import { INHERITED } from '../../src/gateway/child-environment.ts';
import { METRICS } from '../../src/observe/metric-table.ts';
import { CLOSE_CODES } from '../../src/protocol/close-codes.ts';
import { ERRORS } from '../../src/protocol/errors.ts';
import { TRANSPORT_DEFAULTS } from '../../src/transports/websocket/client-transport.ts';
import { SERVER_DEFAULTS } from '../../src/transports/websocket/server-transport.ts';

const program = await loadProgram();

type Row = Record<string, string>;

const root = new URL('../../../../', import.meta.url);
const read = (path: string): string => readFileSync(new URL(path, root), 'utf8');

/** The cells of a table's line; a bar inside a cell is written `\|`. */
function cellsOf(line: string): string[] {
  const [, ...cells] = line.trim().split(/(?<!\\)\|/);
  return cells.slice(0, -1).map((cell) => cell.trim().replaceAll('\\|', '|'));
}

/** The rows of the one table of a page that has exactly these columns. */
function tableOf(text: string, columns: readonly string[]): Row[] {
  const lines = text.split('\n');
  const heads = lines.flatMap((line, index) => (cellsOf(line).join('|') === columns.join('|') ? [index] : []));
  expect(heads, `tables with the columns ${columns.join(', ')}`).toHaveLength(1);
  const body = lines.slice(heads[0]! + 2);
  const end = body.findIndex((line) => !line.startsWith('|'));
  return (end === -1 ? body : body.slice(0, end)).map((line) => {
    const cells = cellsOf(line);
    expect(cells, line).toHaveLength(columns.length);
    return Object.fromEntries(columns.map((column, index) => [column, cells[index]!]));
  });
}

const ticked = (text: string): string => `\`${text}\``;
const without = (row: Row, column: string): Row =>
  Object.fromEntries(Object.entries(row).filter(([name]) => name !== column));

const closeCodes: Row[] = Object.entries(CLOSE_CODES).map(([name, { code, reconnect, meaning }]) => ({
  code: String(code),
  name: ticked(name),
  reconnect: reconnect ? 'yes' : 'no',
  meaning,
}));

describe('the reference pages', () => {
  it('have every error with its code, its HTTP status and its message, and no other', () => {
    const rows = tableOf(read('docs/reference/errors.md'), ['name', 'code', 'HTTP', 'message', 'what to do']);
    expect(rows.map((row) => without(row, 'what to do'))).toEqual(
      Object.entries(ERRORS).map(([name, { code, http, message }]) => ({
        name: ticked(name),
        code: String(code),
        HTTP: String(http),
        message,
      })),
    );
    expect(rows.filter((row) => row['what to do'] === '')).toEqual([]);
  });

  it('have every option with its flag, its variable and its default, and no other', () => {
    const columns = ['option', 'flag', 'environment variable', 'default', 'meaning'];
    const flags = new Map(serveCommand().options.map((flag) => [flag.attributeName(), flag.long]));
    expect(tableOf(read('docs/reference/options.md'), columns)).toEqual(
      Object.entries(OPTIONS).map(([name, { fallback, describe: meaning }]) => ({
        option: ticked(name),
        flag: ticked(flags.get(name) ?? 'none'),
        'environment variable': ticked(variableFor(name)),
        default: fallback === '' ? '' : ticked(String(fallback)),
        meaning,
      })),
    );
  });

  it('are what an editor shows: the settings have the types, the documentation and the defaults of the options', () => {
    const file = 'packages/switchboard/src/gateway/settings.ts';
    expect(read(file), 'run "npm run generate"').toBe(settingsOf(OPTIONS, namesOf));
  });

  it.each([
    ['server', SERVER_DEFAULTS],
    ['client', TRANSPORT_DEFAULTS],
  ])('have every default of the WebSocket %s, and no other', (side, defaults) => {
    const rows = tableOf(read('docs/guide/websocket.md'), [`option of the ${side}`, 'default', 'when it is reached']);
    expect(rows.map((row) => [row[`option of the ${side}`], row['default']])).toEqual(
      Object.entries(defaults).map(([name, value]) => [ticked(name), String(value) && ticked(String(value))]),
    );
  });

  it('have every other name of an option, and no other', () => {
    expect(tableOf(read('docs/reference/options.md'), ['option', 'flag', 'environment variable'])).toEqual(
      Object.entries(ALIASES).map(([name, { flag, variable }]) => ({
        option: ticked(name),
        flag: flag === undefined ? '' : ticked(flag),
        'environment variable': ticked(variable),
      })),
    );
  });

  it.each(['PROTOCOL.md', 'docs/reference/close-codes.md'])('have every close code in %s, and no other', (page) => {
    expect(tableOf(read(page), ['code', 'name', 'reconnect', 'meaning'])).toEqual(closeCodes);
  });

  it('have every metric with its type and its labels, and no other', () => {
    expect(tableOf(read('docs/reference/metrics.md'), ['metric', 'type', 'labels', 'meaning'])).toEqual(
      Object.entries(METRICS).map(([name, { type, labels, help: meaning }]) => ({
        metric: ticked(name),
        type,
        labels: labels.map(ticked).join(', '),
        meaning,
      })),
    );
  });

  it('have every route of the admin API, and no other', () => {
    expect(tableOf(read('docs/reference/admin-api.md'), ['method', 'path', 'what it does'])).toEqual(
      ROUTES.map(({ method, path, summary }) => ({
        method: ticked(method),
        path: ticked(`/admin${path}`),
        'what it does': summary,
      })),
    );
  });

  it('have every command for operators, and no other', () => {
    const others = new Set([
      'serve',
      'connect',
      'call',
      'adopt',
      'connect-client',
      'cluster',
      'add',
      'remove',
      'enable',
      'disable',
      'export',
      'service',
      'chat',
      'simulate',
      'keys',
      'certs',
      'doctor',
      'completion',
      'help',
    ]);
    const commands = program.commands.filter((command) => !others.has(command.name()));
    expect(tableOf(read('docs/reference/cli.md'), ['command', 'what it does'])).toEqual(
      commands.map((command) => {
        const words = command.registeredArguments.map((argument) => {
          return argument.required ? `<${argument.name()}>` : `[${argument.name()}]`;
        });
        return {
          command: ticked(['switchboard', command.name(), ...words].join(' ')),
          'what it does': command.description(),
        };
      }),
    );
  });

  it('have exit codes of the simulator that are among those of the command', () => {
    const codes = (page: string): string[] =>
      tableOf(read(page), ['code', 'name', 'meaning']).map(({ code, name }) => `${code} ${name}`);
    expect(codes('docs/reference/cli.md')).toEqual(expect.arrayContaining(codes('docs/reference/simulator.md')));
  });

  it('are shown by help in groups, every option in one', () => {
    expect(Object.keys(OPTION_GROUPS).toSorted()).toEqual(Object.keys(OPTIONS).toSorted());
    expect(serveCommand().helpInformation()).toContain('Authentication and access:');
  });

  it('have every exit code, and no other', () => {
    expect(tableOf(read('docs/reference/cli.md'), ['code', 'name', 'meaning'])).toEqual(
      Object.entries(EXIT).map(([name, { code, meaning }]) => ({ code: String(code), name: ticked(name), meaning })),
    );
  });

  it('have every variable that a child inherits, and no other', () => {
    const [, section = ''] = read('SECURITY.md').split('\n## What a child inherits\n');
    const blocks = section.split('\n## ')[0]!.match(/(?<=^```\n)[A-Z_\s]+(?=\n```$)/gm) ?? [];
    expect(blocks.flatMap((block) => block.split(/\s+/))).toEqual(INHERITED);
  });

  it('are read to the end of the table that was asked for, and nothing is found where there is none', () => {
    const page = ['| a | b |', '| --- | --- |', '| 1 | x \\| y |', '', '| 2 | z |'].join('\n');
    expect(tableOf(page, ['a', 'b'])).toEqual([{ a: '1', b: 'x | y' }]);
    expect(() => tableOf(page, ['a', 'c'])).toThrow(/a, c/);
  });
});

describe('the version', () => {
  it('that Switchboard names is that of its package', () => {
    const manifest = JSON.parse(read('packages/switchboard/package.json')) as { name: string; version: string };
    expect(PRODUCT).toEqual({ name: manifest.name, version: manifest.version });
  });

  it('has an entry in the changelog', () => {
    expect(read('CHANGELOG.md')).toContain(`\n## ${PRODUCT.version}\n`);
  });
});
