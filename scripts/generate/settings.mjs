// The interfaces of the gateway's settings, with documentation, from the table of options.

const HEAD = `/**
 * The settings of a gateway, as one writes them and as they are read. Made from the table in options.ts by \`npm run generate\`; change
 * the table.
 */
import type { Duration, Size } from '../util/units.ts';
import type { TransportChoice, TransportName } from './option-types.ts';
`;

/** In lines of at most this many characters, as the formatter would leave them. */
const WIDTH = 120;
const NUMBER = { Duration: 'A number is in seconds.', Size: 'A number is in bytes.' };

const literal = (value) => (typeof value === 'string' ? `'${value}'` : String(value));
// A star before a slash would end the comment.
const sentence = (text) => `${text}${/[.!?]$/.test(text) ? '' : '.'}`.replaceAll('*/', '* /');

function comment(text, fallback) {
  const lines = [''];
  for (const word of text.split(' ')) {
    const line = lines.at(-1);
    if (`   * ${line} ${word}`.length > WIDTH) lines.push(word);
    else lines[lines.length - 1] = line === '' ? word : `${line} ${word}`;
  }
  return ['  /**', ...lines.map((line) => `   * ${line}`), '   *', `   * @default ${fallback}`, '   */'];
}

/**
 * @param options the table.
 * @param namesOf how a type of the table is called in TypeScript.
 * @returns the text of settings.ts.
 */
export function settingsOf(options, namesOf) {
  const rows = Object.entries(options).map(([name, { describe, fallback, type }]) => ({
    name,
    describe: sentence(describe),
    fallback: literal(fallback),
    ...namesOf(type),
  }));
  const written = rows.flatMap(({ name, describe, fallback, written: type }) => {
    const [, unit] = Object.entries(NUMBER).find(([kind]) => type.startsWith(kind)) ?? [];
    return [
      ...comment(unit === undefined ? describe : `${describe} ${unit}`, fallback),
      `  ${name}?: ${type} | undefined;`,
    ];
  });
  const read = rows.flatMap(({ name, describe, fallback, read: type, unit }) => [
    ...comment(unit === undefined ? describe : `${describe} In ${unit}.`, fallback),
    `  ${name}: ${type};`,
  ]);
  return [
    HEAD,
    '/** The settings of a gateway, as a program or a configuration file writes them. What is left out has its default. */',
    'export interface SettingsInput {',
    ...written,
    '}',
    '',
    '/** The settings of a gateway, read and with their defaults: durations are milliseconds, sizes bytes, `Infinity` is without end. */',
    'export interface Settings {',
    ...read,
    '}',
    '',
  ].join('\n');
}
