/** The routes of the admin API for the configuration file. */
import { SwitchboardError } from '../../protocol/errors.ts';
import { isEditable } from '../configuration-file.ts';
import type { ConfigurationEdit, ConfigurationFile } from '../configuration-file.ts';
import { OPTION_NAMES } from '../options.ts';
import * as own from './configuration-shapes.ts';
import { define } from './route.ts';
import type { Route } from './route.ts';
import * as shapes from './shapes.ts';

export const CONFIGURATION_ROUTES: readonly Route[] = [
  define({
    method: 'GET',
    path: '/configuration/file',
    summary: 'The configuration file: what of it can be changed, and what operators have changed since the start',
    command: 'configuration --history',
    answer: own.configurationFile,
    handle: ({ configurationFile: given }) => {
      const file = fileIn(given);
      const options = OPTION_NAMES.filter((name) => isEditable(name));
      return { path: file.path, options, disabled: [...file.disabled()], ...file.facts() };
    },
  }),
  define({
    method: 'POST',
    path: '/configuration/clients',
    summary:
      'What the MCP clients of the user that Switchboard runs as have: servers that its configuration could take over',
    command: 'adopt --dry-run',
    answer: own.importable,
    handle: ({ configurationFile: given }) => {
      const file = fileIn(given);
      if (file.importable !== undefined) return file.importable();
      throw new SwitchboardError('SWB_NOT_FOUND', {
        detail: 'this program does not look into the files of MCP clients',
      });
    },
  }),
  define({
    method: 'POST',
    path: '/configuration/preview',
    summary: 'What a change of the configuration file would do, without changing anything',
    command: 'configuration --dry-run',
    body: own.configurationEdit,
    answer: own.configurationPreview,
    subject: ({ body }) => namesIn(body),
    handle: ({ configurationFile }, { body }) => fileIn(configurationFile).preview(body),
  }),
  define({
    method: 'POST',
    path: '/configuration/apply',
    summary: 'Change the configuration file, and let it be read again',
    command: 'configuration --set <name=value>',
    body: own.configurationChange,
    answer: shapes.change,
    subject: ({ body }) => namesIn(body),
    handle: ({ configurationFile }, { body: { version, ...edit }, operator }) =>
      fileIn(configurationFile).apply(edit, operator.name, version),
  }),
  define({
    method: 'POST',
    path: '/configuration/undo',
    summary: 'Take back the newest change that an operator has made in the configuration file',
    command: 'configuration --undo',
    answer: shapes.change,
    handle: ({ configurationFile }, { operator }) => fileIn(configurationFile).undo(operator.name),
  }),
];

/** @throws {SwitchboardError} `SWB_NOT_FOUND` where nothing can be changed */
export function fileIn(file: ConfigurationFile | undefined): ConfigurationFile {
  if (file !== undefined) return file;
  const detail =
    'there is no configuration file that could be changed: Switchboard was started without one, with several, or by a program';
  throw new SwitchboardError('SWB_NOT_FOUND', { detail });
}

/** What an edit is about, without its values. */
const namesIn = ({ options = {}, servers = {}, roles = {}, imports = {} }: ConfigurationEdit): string =>
  [
    ...Object.keys(options),
    ...Object.entries(servers).map(([name, verb]) => `${verb} ${name}`),
    ...Object.keys(roles).map((name) => `role ${name}`),
    ...Object.keys(imports).map((name) => `import ${name}`),
  ].join(', ');
