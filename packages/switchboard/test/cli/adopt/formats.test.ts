/** What every format of clients' files must do, and for each what only it has. */
import { readdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';

import { Unreadable, changeText, parseDocument } from '../../../src/cli/adopt/format.ts';
import type { Change, Format, Path } from '../../../src/cli/adopt/format.ts';
import { jsonc } from '../../../src/cli/adopt/jsonc.ts';
import { toml } from '../../../src/cli/adopt/toml.ts';
import { yaml } from '../../../src/cli/adopt/yaml.ts';

interface Sample {
  format: Format;
  path: Path;
  isList?: true;
  /** Three entries a, b and c among other things; b is the second. */
  three: string;
  /** The line of b. */
  line: number;
  /** With `new` in the place of a and b. */
  replaced: string;
  /** With `new` at the end. */
  added: string;
  /** Without b. */
  removed: string;
  /** With b switched off. */
  off: string;
  /** An empty file, and one with other things only, each with `new` added. */
  made: [before: string, after: string][];
  /** Texts that cannot be read, with the line. */
  broken: [text: string, line: number | undefined][];
  /** An entry called `__proto__`. */
  proto: string;
}

const NEW = { name: 'new', value: { url: 'http://127.0.0.1:8765/mcp' } };
const jsonNew = '"new": { "url": "http://127.0.0.1:8765/mcp" }';

const SAMPLES: Record<string, Sample> = {
  JSON: {
    format: jsonc,
    path: ['mcpServers'],
    three: `{
  // before
  "theme": "dark", /* beside */
  "mcpServers": {
    // of a
    "a": { "command": "a" }, // behind a
    "b": {
      "command": "b" // inside
    },
    // between
    "c": { "command": "c" } // behind c
  },
  "mcpServersOfOthers": { "a": 1 },
}
`,
    line: 7,
    replaced: `{
  // before
  "theme": "dark", /* beside */
  "mcpServers": {
    // of a
    ${jsonNew}, // behind a
    // between
    "c": { "command": "c" } // behind c
  },
  "mcpServersOfOthers": { "a": 1 },
}
`,
    added: `{
  // before
  "theme": "dark", /* beside */
  "mcpServers": {
    // of a
    "a": { "command": "a" }, // behind a
    "b": {
      "command": "b" // inside
    },
    // between
    "c": { "command": "c" },
    ${jsonNew} // behind c
  },
  "mcpServersOfOthers": { "a": 1 },
}
`,
    removed: `{
  // before
  "theme": "dark", /* beside */
  "mcpServers": {
    // of a
    "a": { "command": "a" }, // behind a
    // between
    "c": { "command": "c" } // behind c
  },
  "mcpServersOfOthers": { "a": 1 },
}
`,
    off: `{
  // before
  "theme": "dark", /* beside */
  "mcpServers": {
    // of a
    "a": { "command": "a" }, // behind a
    "b": {
      "enabled": false,
      "command": "b" // inside
    },
    // between
    "c": { "command": "c" } // behind c
  },
  "mcpServersOfOthers": { "a": 1 },
}
`,
    made: [
      ['{}', `{\n  "mcpServers": { ${jsonNew} }\n}`],
      ['{ "a": 1 }', `{ "a": 1, "mcpServers": { ${jsonNew} } }`],
      ['{\n  "mcpServers": {}\n}\n', `{\n  "mcpServers": {\n    ${jsonNew}\n  }\n}\n`],
    ],
    broken: [
      ['{\n  "a": 1\n  "b": 2\n}', 3],
      ['{"a": ', 1],
      ['', 1],
      ['[]', 1],
    ],
    proto: '{ "mcpServers": { "__proto__": { "command": "x" }, "a": { "command": "a" } } }',
  },
  TOML: {
    format: toml,
    path: ['mcp_servers'],
    three: `# before
model = "x"

[mcp_servers.a] # of a
command = "a"

[mcp_servers.b]
command = "b"
# inside
args = ["""
[mcp_servers.c]
"""]
[mcp_servers.b.env]
KEY = '1' # behind b

# between
[mcp_servers.c]
command = "c"

[others]
a = 1
`,
    line: 7,
    replaced: `# before
model = "x"

[mcp_servers.new]
url = "http://127.0.0.1:8765/mcp"

# behind b

# between
[mcp_servers.c]
command = "c"

[others]
a = 1
`,
    added: `# before
model = "x"

[mcp_servers.a] # of a
command = "a"

[mcp_servers.b]
command = "b"
# inside
args = ["""
[mcp_servers.c]
"""]
[mcp_servers.b.env]
KEY = '1' # behind b

# between
[mcp_servers.c]
command = "c"

[others]
a = 1

[mcp_servers.new]
url = "http://127.0.0.1:8765/mcp"
`,
    removed: `# before
model = "x"

[mcp_servers.a] # of a
command = "a"

# behind b

# between
[mcp_servers.c]
command = "c"

[others]
a = 1
`,
    off: `# before
model = "x"

[mcp_servers.a] # of a
command = "a"

[mcp_servers.b]
enabled = false
command = "b"
# inside
args = ["""
[mcp_servers.c]
"""]
[mcp_servers.b.env]
KEY = '1' # behind b

# between
[mcp_servers.c]
command = "c"

[others]
a = 1
`,
    made: [
      ['', '[mcp_servers.new]\nurl = "http://127.0.0.1:8765/mcp"\n'],
      ['a = 1', 'a = 1\n\n[mcp_servers.new]\nurl = "http://127.0.0.1:8765/mcp"\n'],
      ['mcp_servers = {}\n', 'mcp_servers = { new = { url = "http://127.0.0.1:8765/mcp" } }\n'],
    ],
    broken: [
      ['a = 1\nb = \n', 3],
      ['a = 1\na = 2\n', 2],
    ],
    proto: '[mcp_servers.__proto__]\ncommand = "x"\n[mcp_servers.a]\ncommand = "a"\n',
  },
  'a mapping in YAML': {
    format: yaml,
    path: ['extensions'],
    three: `# before
theme: dark
extensions:
  # of a
  a: { command: a } # behind a
  b:
    command: b # inside
    text: |
      c: {}

  # between
  c:
    command: c # behind c
others: { a: 1 }
`,
    line: 6,
    replaced: `# before
theme: dark
extensions:
  # of a
  new:
    url: http://127.0.0.1:8765/mcp # behind a

  # between
  c:
    command: c # behind c
others: { a: 1 }
`,
    added: `# before
theme: dark
extensions:
  # of a
  a: { command: a } # behind a
  b:
    command: b # inside
    text: |
      c: {}

  # between
  c:
    command: c # behind c
  new:
    url: http://127.0.0.1:8765/mcp
others: { a: 1 }
`,
    removed: `# before
theme: dark
extensions:
  # of a
  a: { command: a } # behind a

  # between
  c:
    command: c # behind c
others: { a: 1 }
`,
    off: `# before
theme: dark
extensions:
  # of a
  a: { command: a } # behind a
  b:
    enabled: false
    command: b # inside
    text: |
      c: {}

  # between
  c:
    command: c # behind c
others: { a: 1 }
`,
    made: [
      ['', 'extensions:\n  new:\n    url: http://127.0.0.1:8765/mcp\n'],
      ['a: 1', 'a: 1\nextensions:\n  new:\n    url: http://127.0.0.1:8765/mcp\n'],
      ['extensions: # none\na: 1\n', 'extensions: # none\n  new:\n    url: http://127.0.0.1:8765/mcp\na: 1\n'],
      ['extensions: {}\n', `extensions: { ${jsonNew} }\n`],
      ['{ a: 1 }\n', `{ a: 1, "extensions": { ${jsonNew} } }\n`],
    ],
    broken: [
      ['a: 1\nb: [\n', 3],
      ['a: 1\na: 2\n', 2],
      ['a: 1\n---\nb: 2\n', 2],
      ['- a\n', 1],
      ['a: *nobody\n', undefined],
    ],
    proto: 'extensions:\n  __proto__: { command: x }\n  a: { command: a }\n',
  },
  'a list in YAML': {
    format: yaml,
    path: ['mcpServers'],
    isList: true,
    three: `name: mine
mcpServers:
  - name: a
    command: a
  # of b
  -   command: b
      name: b

  - {name: c, command: c}   # behind c
`,
    line: 6,
    replaced: `name: mine
mcpServers:
  - name: new
    url: http://127.0.0.1:8765/mcp
  # of b

  - {name: c, command: c}   # behind c
`,
    added: `name: mine
mcpServers:
  - name: a
    command: a
  # of b
  -   command: b
      name: b

  - {name: c, command: c}   # behind c
  - name: new
    url: http://127.0.0.1:8765/mcp
`,
    removed: `name: mine
mcpServers:
  - name: a
    command: a
  # of b

  - {name: c, command: c}   # behind c
`,
    off: `name: mine
mcpServers:
  - name: a
    command: a
  # of b
  -   enabled: false
      command: b
      name: b

  - {name: c, command: c}   # behind c
`,
    made: [
      ['name: mine\n', 'name: mine\nmcpServers:\n  - name: new\n    url: http://127.0.0.1:8765/mcp\n'],
      ['mcpServers: []\n', 'mcpServers: [ { "name": "new", "url": "http://127.0.0.1:8765/mcp" } ]\n'],
    ],
    broken: [['mcpServers:\n  - name: a\n - name: b\n', 3]],
    proto: 'mcpServers:\n  - { name: __proto__, command: x }\n  - { name: a, command: a }\n',
  },
};

describe.each(Object.entries(SAMPLES))('%s', (_, sample) => {
  const { format, path, isList = false } = sample;
  const change = (text: string, what: Omit<Change, 'path'>): string =>
    changeText(format, text, [{ path, isList, ...what }]);
  const entries = (text: string): string[] =>
    parseDocument(format, text)
      .entries(path)
      .map(({ name }) => name);

  it('has its entries in order, with their lines', () => {
    const found = parseDocument(format, sample.three).entries(path);
    expect(found.map(({ name }) => name)).toEqual(['a', 'b', 'c']);
    expect(found[1]).toMatchObject({ line: sample.line, value: { command: 'b' } });
  });

  it('puts one entry in the place of several, and keeps all that is between and beside them', () => {
    expect(change(sample.three, { remove: new Set(['a', 'b']), add: [NEW] })).toBe(sample.replaced);
  });

  it('puts an entry at the end', () => {
    expect(change(sample.three, { add: [NEW] })).toBe(sample.added);
  });

  it('takes an entry out', () => {
    expect(change(sample.three, { remove: new Set(['b']) })).toBe(sample.removed);
  });

  it('switches an entry off, and on again', () => {
    const off = change(sample.three, { set: new Map([['b', ['enabled', false] as const]]) });
    expect(off).toBe(sample.off);
    const on = change(off, { set: new Map([['b', ['enabled', true] as const]]) });
    expect(on).toBe(sample.off.replace(/(enabled\W+)false/, '$1true'));
  });

  it.each(sample.made)('makes the block where there is none: %j', (before, after) => {
    expect(change(before, { add: [NEW] })).toBe(after);
  });

  it.each(sample.broken)('refuses what cannot be read, with the line: %j', (text, line) => {
    let error: unknown;
    try {
      parseDocument(format, text);
    } catch (thrown) {
      error = thrown;
    }
    expect(error).toBeInstanceOf(Unreadable);
    expect((error as Unreadable).line).toBe(line);
  });

  it('takes a key __proto__ for a name like any other', () => {
    expect(entries(sample.proto)).toEqual(['__proto__', 'a']);
    expect(entries(change(sample.proto, { remove: new Set(['__proto__']), add: [NEW] }))).toEqual(['new', 'a']);
    expect(({} as { command?: string }).command).toBeUndefined();
  });

  it('keeps the byte order mark and the ends of lines', () => {
    const text = `\uFEFF${sample.three.replaceAll('\n', '\r\n')}`;
    const expected = `\uFEFF${sample.replaced.replaceAll('\n', '\r\n')}`;
    expect(change(text, { remove: new Set(['a', 'b']), add: [NEW] })).toBe(expected);
  });

  it('changes nothing for a change that names nothing', () => {
    expect(change(sample.three, {})).toBe(sample.three);
    expect(change(sample.three, { remove: new Set(['nobody']) })).toBe(sample.three);
  });
});

describe('a format', () => {
  it('is one of those that are tried here', () => {
    const folder = fileURLToPath(new URL('../../../src/cli/adopt/', import.meta.url));
    const formats = new Set(Object.values(SAMPLES).map(({ format }) => format));
    expect(formats).toEqual(new Set([jsonc, toml, yaml]));
    expect(readdirSync(folder).filter((name) => /^(?:jsonc|toml|yaml)\.ts$/.test(name))).toHaveLength(formats.size);
  });

  it.each([
    [jsonc, `{"a": ${'['.repeat(100_000)}${']'.repeat(100_000)}}`],
    [yaml, `a: ${'['.repeat(20_000)}${']'.repeat(20_000)}`],
    [toml, `a = ${'['.repeat(20_000)}${']'.repeat(20_000)}`],
  ])('does not fall over what is nested deeply', (format, text) => {
    expect(() => parseDocument(format, text)).toThrow(Unreadable);
  });
});

describe('TOML', () => {
  const add = [NEW];
  const change = (text: string, what: Omit<Change, 'path'>): string =>
    changeText(toml, text, [{ path: ['mcp_servers'], ...what }]);

  it.each([
    [
      'in one line',
      'mcp_servers = { a = { command = "a" }, b = { command = "b" }, c = {} }\n',
      'mcp_servers = { new = { url = "http://127.0.0.1:8765/mcp" }, c = {} }\n',
    ],
    [
      'below one heading',
      '[mcp_servers]\na.command = "a"\na.args = ["x"] # of a\nb = { command = "b" }\nc = {}\n',
      '[mcp_servers]\nnew = { url = "http://127.0.0.1:8765/mcp" }\n# of a\nc = {}\n',
    ],
    [
      'as keys with dots',
      'mcp_servers.a.command = "a"\nmcp_servers."b".command = "b"\nmcp_servers.c.command = "c"\n[x]\n',
      'mcp_servers.new = { url = "http://127.0.0.1:8765/mcp" }\nmcp_servers.c.command = "c"\n[x]\n',
    ],
    [
      'in tables far from each other',
      '[mcp_servers.a]\ncommand = "a"\n[x]\ny = 1\n[mcp_servers.b]\n[mcp_servers.a.env]\nK = "1"\n',
      '[mcp_servers.new]\nurl = "http://127.0.0.1:8765/mcp"\n[x]\ny = 1\n',
    ],
  ])('has entries %s', (__, before, after) => {
    expect(change(before, { remove: new Set(['a', 'b']), add })).toBe(after);
  });

  it.each([
    ['mcp_servers = { a = { command = "a" } }\n', 'mcp_servers = { a = { enabled = false, command = "a" } }\n'],
    ['mcp_servers.a.command = "a"\n', 'mcp_servers.a.enabled = false\nmcp_servers.a.command = "a"\n'],
    ['[mcp_servers.a.env]\nK = "1"\n', '[mcp_servers.a]\nenabled = false\n\n[mcp_servers.a.env]\nK = "1"\n'],
    ['[mcp_servers]\na.enabled = true # now\n', '[mcp_servers]\na.enabled = false # now\n'],
  ])('switches an entry off in %j', (before, after) => {
    expect(change(before, { set: new Map([['a', ['enabled', false] as const]]) })).toBe(after);
  });
});

describe('JSON', () => {
  const change = (text: string, what: Omit<Change, 'path'>): string =>
    changeText(jsonc, text, [{ path: ['mcpServers'], ...what }]);

  it('takes the last of two blocks, and of two entries, with one name, as programs do', () => {
    const text =
      '{ "mcpServers": { "x": 1 }, "mcpServers": { "a": { "command": "1" }, "a": { "command": "2" }, "b": 1 } }';
    const [entry] = parseDocument(jsonc, text).entries(['mcpServers']);
    expect(entry).toMatchObject({ name: 'a', value: { command: '2' } });
    expect(change(text, { remove: new Set(['a']), add: [NEW] })).toBe(
      `{ "mcpServers": { "x": 1 }, "mcpServers": { ${jsonNew}, "b": 1 } }`,
    );
  });

  it.each([
    ['{"mcpServers":{"a":1,"b":2}}', ['b'], '{"mcpServers":{"a":1}}'],
    ['{"mcpServers":{"a":1,"b":2,}}', ['a', 'b'], '{"mcpServers":{}}'],
    ['{"mcpServers":{"a":1 /*x*/ , /*y*/ "b":2}}', ['b'], '{"mcpServers":{"a":1 /*x*/  /*y*/ }}'],
    ['{"mcpServers":{\n "a":1\n ,"b":2\n ,"c":3\n}}', ['b', 'c'], '{"mcpServers":{\n "a":1\n \n}}'],
  ])('takes entries out of %j', (before, names, after) => {
    expect(change(before, { remove: new Set(names) })).toBe(after);
  });
});

describe('YAML', () => {
  const change = (text: string, what: Omit<Change, 'path'>): string =>
    changeText(yaml, text, [{ path: ['extensions'], ...what }]);

  it('leaves a file alone in which something else needs an entry that goes', () => {
    const text = 'extensions:\n  a: &a { cmd: x }\n  b: { cmd: y }\nother: *a\n';
    expect(() => change(text, { remove: new Set(['a']), add: [NEW] })).toThrow(/cannot be changed without/);
  });

  it.each([
    ['extensions: {a: {cmd: x}, b: {cmd: y}}\n', `extensions: {${jsonNew}, b: {cmd: y}}\n`],
    [
      'extensions:\n    a:\n        cmd: x\n    b: {cmd: y}',
      'extensions:\n    new:\n      url: http://127.0.0.1:8765/mcp\n    b: {cmd: y}',
    ],
    [
      'extensions:\n  ? a\n  : cmd: x\n  b: {cmd: y}\n',
      'extensions:\n  new:\n    url: http://127.0.0.1:8765/mcp\n  b: {cmd: y}\n',
    ],
  ])('replaces an entry of %j', (before, after) => {
    expect(change(before, { remove: new Set(['a']), add: [NEW] })).toBe(after);
  });
});
