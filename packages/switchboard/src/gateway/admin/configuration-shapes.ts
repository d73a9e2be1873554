/** What the routes for the configuration and its file take and give. */
import { z } from 'zod';

import type { ConfigurationEdit } from '../configuration-file.ts';
import { change } from './shapes.ts';

const time = z.number().describe('ms since 1970');
const count = z.number().int();
const rules = z.looseObject({});
export const configuration: z.ZodType = z.strictObject({
  options: z.array(
    z.strictObject({
      name: z.string(),
      value: z.union([z.string(), z.number(), z.boolean(), z.array(z.string())]).describe('as it is used; no secret'),
      unit: z.enum(['ms', 'bytes']).optional(),
      written: z.string().describe('the value as one writes it, such as 90s or 4MiB'),
      default: z.union([z.string(), z.number(), z.boolean()]),
      origin: z.string().describe('default, or where the value was found'),
      describe: z.string(),
      secret: z.boolean().optional().describe('whether it has no flag, as others can read those'),
    }),
  ),
  upstreams: z.array(
    z.strictObject({
      name: z.string(),
      kind: z.enum(['command', 'url', 'in process']),
      at: z.string().optional().describe('the program, or the address without credentials and query'),
      isolation: z.string(),
      tools: rules.optional(),
    }),
  ),
  roles: z.record(z.string(), rules),
});

const difference = z.strictObject({
  what: z.string(),
  before: z.string().describe('empty where there was nothing'),
  after: z.string().describe('empty where there is nothing any more'),
});
const edit = {
  options: z.record(z.string(), z.union([z.string(), z.number(), z.boolean(), z.null()])).optional(),
  servers: z.record(z.string(), z.enum(['enable', 'disable', 'remove'])).optional(),
  roles: z.record(z.string(), z.union([z.record(z.string(), z.unknown()), z.null()])).optional(),
  imports: z
    .record(z.string(), z.string())
    .optional()
    .describe('servers of MCP clients, by the names that they get: ids that POST /configuration/clients has given'),
};
export const configurationEdit: z.ZodType<ConfigurationEdit> = z.strictObject(edit);
export const configurationChange: z.ZodType<ConfigurationEdit & { version?: string | undefined }> = z.strictObject({
  ...edit,
  version: z.string().optional().describe('of the file, as a preview has given it; without it, as it is'),
});
export const configurationFile: z.ZodType = z.strictObject({
  path: z.string(),
  version: z.string(),
  options: z.array(z.string()).describe('those that can be changed here'),
  disabled: z.array(z.string()).describe('servers that are switched off in it'),
  roles: z.record(z.string(), z.unknown()).describe('as they stand in it'),
  values: z.record(z.string(), z.string()).describe('those of options that can be changed here, as they stand in it'),
  restartNeeded: z.array(z.string()).describe('settings that are others in it than those that hold now'),
  wrong: z.string().optional().describe('why it could not be read again as it is now'),
  revisions: z
    .array(
      z.strictObject({
        id: z.string(),
        time,
        operator: z.string(),
        differences: z.array(difference),
        undone: z.boolean(),
      }),
    )
    .describe('the last 20 changes that operators have made since the start, the newest first'),
});

const client = { client: z.string(), file: z.string() };
export const importable: z.ZodType = z.strictObject({
  files: z.array(z.strictObject({ ...client, servers: count })).describe('those that were found'),
  servers: z.array(
    z.strictObject({
      id: z.string().optional().describe('absent where the configuration has the server already'),
      name: z.string().describe('what it would be called, or is'),
      renamed: z.string().optional().describe('why it would not be called as in the client'),
      from: z.array(z.strictObject({ ...client, line: count })),
      start: z.string().describe('what is started or reached, with the names of variables and headers, and no value'),
      isolation: z.enum(['session', 'principal', 'shared', 'pool']),
      because: z.string(),
      secrets: z.array(z.string()).describe('the variables that its secrets move into'),
      ignored: z.array(z.string()).describe('keys that have a meaning for the client alone'),
    }),
  ),
  left: z
    .array(z.strictObject({ ...client, line: count.optional(), name: z.string().optional(), why: z.string() }))
    .describe('what stays where it is, and why: entries, and whole files, which have no name'),
  variablesFile: z.string().describe('the file that secrets move into'),
});

export const configurationPreview: z.ZodType = z.strictObject({
  differences: z.array(difference),
  change,
  version: z.string(),
});
