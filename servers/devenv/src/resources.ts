import {
  type McpServer,
  ResourceNotFoundError,
  ResourceTemplate,
  type ReadResourceResult,
} from '@modelcontextprotocol/server';
import { containerLogs, findContainer } from './containers/containers.ts';
import { completionsOf } from './completions.ts';
import type { Environment } from './environment.ts';
import { devenvError } from './errors.ts';
import { outputUri } from './tools/jobs.ts';

const LOG_LINES = 500;
const JSON_TYPE = 'application/json';
const PLAIN = 'text/plain';

/** Registers what can be read: the projects, the configuration, logs of containers, output of jobs. */
export function registerResources(server: McpServer, environment: Environment): void {
  const { engine, jobs, redactor, configuration } = environment;
  const complete = completionsOf(environment);

  server.registerResource(
    'projects',
    'devenv://projects',
    {
      title: 'Projects',
      description: 'The projects, what each needs, and the order to build them in.',
      mimeType: JSON_TYPE,
    },
    (uri, { mcpReq: { signal } }) =>
      read(uri, JSON_TYPE, async () => {
        const { projects, buildOrder, cycles, solutions, problems } = await environment.projects(signal);
        const named = projects.map(({ id, kind, directory, needs }) => ({ id, kind, directory, dependencies: needs }));
        return JSON.stringify({ projects: named, buildOrder, cycles, solutions, problems }, undefined, 2);
      }),
  );

  server.registerResource(
    'configuration',
    'devenv://configuration',
    { title: 'Configuration', description: 'The configuration in force.', mimeType: JSON_TYPE },
    (uri) =>
      read(uri, JSON_TYPE, () => Promise.resolve(JSON.stringify(redactor.data(configuration.settings), undefined, 2))),
  );

  server.registerResource(
    'container-logs',
    new ResourceTemplate('devenv://container/{name}/logs', { list: undefined, complete: { name: complete.container } }),
    { title: 'Container logs', description: `The last ${LOG_LINES} lines that a container printed.`, mimeType: PLAIN },
    (uri, { name }, { mcpReq: { signal } }) =>
      read(uri, PLAIN, async () => {
        const { id } = await findContainer(engine, String(name), signal);
        return containerLogs(engine, id, { lines: LOG_LINES }, signal);
      }),
  );

  server.registerResource(
    'job-output',
    new ResourceTemplate('devenv://job/{id}/output', {
      list: () => ({
        resources: jobs
          .list()
          .map(({ id, task }) => ({ uri: outputUri(id), name: `Output of ${task.name}`, mimeType: PLAIN })),
      }),
      complete: { id: complete.job },
    }),
    { title: 'Job output', description: 'What a job printed: the last MiB of it.', mimeType: PLAIN },
    (uri, { id }) =>
      read(uri, PLAIN, () => {
        const { dropped, output } = jobs.get(String(id));
        return Promise.resolve(dropped > 0 ? `[${dropped} bytes before this are not kept]\n${output}` : output);
      }),
  );

  /** A resource that cannot be had is not found, with the reason and what to do. */
  async function read(uri: URL, mimeType: string, content: () => Promise<string>): Promise<ReadResourceResult> {
    try {
      return { contents: [{ uri: uri.href, mimeType, text: redactor.text(await content()) }] };
    } catch (error) {
      const { code, message, remedy } = devenvError(error);
      throw new ResourceNotFoundError(uri.href, redactor.text(`${code}: ${message} ${remedy}`));
    }
  }
}
