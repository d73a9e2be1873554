/** Whatever a client's file looks like, adopting changes nothing but its entries, and undoing gives back every byte. */
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { URL_OF_ALL, makeHome } from '../../support/adopt.ts';

/** A part of a file: what must stay, or an entry that goes. */
type Part = string | { entry: string };

const RUNS = 30;
/** The same documents in each run; a failure names its own seed. */
const SEED = 20260728;

const word = fc.stringMatching(/^[a-z][a-z0-9]{0,7}$/);
/** Text without the marks of a comment, a string, or an end of line. */
const anything = fc
  .string({ unit: 'grapheme', maxLength: 12 })
  .map((text) => text.replaceAll(/[\p{C}\p{Z}\\"'*/#`]/gu, '·'));
const blank = fc.constantFrom('', ' ', '\t', '   ');
const eol = fc.constantFrom('\n', '\r\n');
const bom = fc.constantFrom('', '\uFEFF');

/** What a program compares: no blanks, and nothing that separates entries. */
const bare = (text: string): string => text.replaceAll(/[\s,\uFEFF]/g, '');

interface Client {
  file: string;
  /** The entry that comes. */
  entry: string;
  parts: fc.Arbitrary<readonly Part[]>;
}

const jsonc: Client = {
  file: '.cursor/mcp.json',
  entry: `"switchboard":{"url":"${URL_OF_ALL}"}`,
  parts: fc
    .record({
      names: fc.uniqueArray(word, { minLength: 1, maxLength: 5 }),
      values: fc.array(fc.jsonValue({ maxDepth: 2 }), { minLength: 5, maxLength: 5 }),
      comments: fc.array(
        fc.oneof(
          fc.constant(''),
          anything.map((text) => ` /* ${text} */ `),
          anything.map((text) => ` // ${text}\n`),
        ),
        { minLength: 24, maxLength: 24 },
      ),
      trailing: fc.boolean(),
      twice: fc.boolean(),
      blanks: fc.array(fc.constantFrom('', ' ', '\n', '\n\t', '\n    ', '\n\n  '), { minLength: 24, maxLength: 24 }),
    })
    .map(({ names, values, comments, trailing, twice, blanks }) => {
      let nth = 0;
      const between = (): string => `${blanks[nth % blanks.length]}${comments[nth++ % comments.length]}`;
      const all = twice ? [...names, names[0]!] : names;
      const entries = all.flatMap((name, at): Part[] => {
        const isLast = at === all.length - 1;
        const value = JSON.stringify({
          command: name,
          args: [JSON.stringify(values[at % values.length]).replaceAll('$', '')],
        });
        return [
          { entry: `"${name}"${between().replaceAll(/\/\/[^\n]*\n/g, '')}:${value}` },
          between(),
          isLast && !trailing ? '' : ',',
          between(),
        ];
      });
      const other = JSON.stringify({ mcpServers: values[0], text: '{"mcpServers": {"a": {}}} // no comment' });
      return [
        `{${between()}"other":${other}${between()},${between()}"mcpServers":${between()}{${between()}`,
        ...entries,
        `}${between()}}${between()}`,
      ];
    }),
};

const toml: Client = {
  file: '.codex/config.toml',
  entry: `[mcp_servers.switchboard]url="${URL_OF_ALL}"`.replaceAll(' ', ''),
  parts: fc
    .record({
      names: fc.uniqueArray(word, { minLength: 1, maxLength: 4 }),
      quoted: fc.array(fc.boolean(), { minLength: 4, maxLength: 4 }),
      comments: fc.array(
        fc.oneof(
          fc.constant('\n'),
          anything.map((text) => `\n# ${text}\n`),
        ),
        { minLength: 12, maxLength: 12 },
      ),
      withEnv: fc.array(fc.boolean(), { minLength: 4, maxLength: 4 }),
      blank,
    })
    .map(({ names, quoted, comments, withEnv, blank: inside }) => {
      let nth = 0;
      const between = (): string => comments[nth++ % comments.length]!;
      const parts = names.flatMap((name, at): Part[] => {
        const key = quoted[at] === true ? `"${name}"` : name;
        const value = `command${inside}=${inside}"${name}"\nargs = [ # inside\n  "[mcp_servers.no]",\n]`;
        const env: Part[] =
          withEnv[at] === true
            ? [`\n${between()}`, { entry: `[mcp_servers.${key}.env]\nMODE = '''\n[mcp_servers.no]\n'''` }]
            : [];
        return [{ entry: `[${inside}mcp_servers . ${key}${inside}]\n${value}` }, ...env, `\n${between()}`];
      });
      return [`model = "x"\n${between()}`, ...parts, `[others]\ntext = """\n[mcp_servers.no]\ncommand = 'x'\n"""\n`];
    }),
};

const yaml: Client = {
  file: '.config/goose/config.yaml',
  entry: `switchboard:enabled:truetype:streamable_httpname:switchboarddescription:MCPserverssharedbySwitchboardtimeout:300uri:${URL_OF_ALL}`,
  parts: fc
    .record({
      names: fc.uniqueArray(
        word.filter((name) => !/^(?:y|n|yes|no|on|off|true|false|null)$/.test(name)),
        { minLength: 1, maxLength: 4 },
      ),
      comments: fc.array(
        fc.oneof(
          fc.constant('\n'),
          anything.map((text) => `\n  # ${text}\n`),
        ),
        { minLength: 12, maxLength: 12 },
      ),
      flow: fc.array(fc.boolean(), { minLength: 4, maxLength: 4 }),
      indent: fc.constantFrom('  ', '    ', ' '),
    })
    .map(({ names, comments, flow, indent }) => {
      let nth = 0;
      const between = (): string => comments[nth++ % comments.length]!;
      const parts = names.flatMap((name, at): Part[] => {
        const value =
          flow[at] === true
            ? ` { type: stdio, cmd: ${name}, envs: {} }`
            : `\n${indent}${indent}type: stdio\n${indent}${indent}cmd: ${name} # inside\n${indent}${indent}args:\n${indent}${indent}- |\n${indent}${indent}  extensions: {}`;
        return [indent, { entry: `${name}:${value}` }, `\n${between()}`];
      });
      return [`model: x${between()}extensions:${between()}`, ...parts, `others: { extensions: {} }${between()}`];
    }),
};

describe('any file', () => {
  it.each([
    ['JSON with comments', jsonc],
    ['TOML', toml],
    ['YAML', yaml],
  ])('of %s loses nothing but its entries, and is given back byte for byte', async (_, { file, entry, parts }) => {
    const home = makeHome();
    await fc.assert(
      fc.asyncProperty(parts, eol, bom, async (all, end, mark) => {
        const text = `${mark}${all.map((part) => (typeof part === 'string' ? part : part.entry)).join('')}`.replaceAll(
          '\n',
          end,
        );
        home.write(file, text);
        const said = await home.adopt();
        const first = all.findIndex((part) => typeof part !== 'string');
        const expected = all.map((part, at) => (typeof part === 'string' ? part : at === first ? entry : '')).join('');
        const after = home.read(file);
        expect(bare(after), said).toBe(bare(expected));
        expect(after.startsWith('\uFEFF')).toBe(mark !== '');
        expect(after.replaceAll(end, '')).not.toContain('\n');
        await home.adopt({ undo: true, yes: true });
        expect(home.read(file)).toBe(text);
      }),
      { numRuns: RUNS, seed: SEED },
    );
  });
});
