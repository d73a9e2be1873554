import { z } from 'zod';
import {
  containerFaults,
  containerLogs,
  findContainer,
  listContainers,
  restartContainer,
} from '../containers/containers.ts';
import type { Inspection } from '../containers/inspection.ts';
import { pageInput, pageOf, pageOutput } from '../page.ts';
import { type Tool, tool } from './tool.ts';

const name = z.string().max(255).describe('The name or id of a container');
const containerSchema = z.object({
  id: z.string(),
  name: z.string(),
  image: z.string(),
  status: z.string(),
  health: z
    .enum(['healthy', 'unhealthy', 'starting', 'none'])
    .describe('What its own check says; none if it has no check'),
  ports: z.array(z.object({ container: z.string(), host: z.array(z.string()) })),
  restarts: z.int(),
  startedAt: z.string().optional(),
  service: z.string().optional().describe('The Compose service it belongs to'),
});

/** Containers of Docker or Podman, and the services of the compose file. */
export const containerTools: readonly Tool[] = [
  tool({
    name: 'container_list',
    title: 'List the containers',
    description: 'Lists the containers of Docker or Podman on this machine by name, with status, health and ports.',
    effect: 'read',
    openWorld: true,
    input: z.object({ ...pageInput, running: z.boolean().default(false).describe('Only those that run') }),
    output: z.object({
      containers: z.array(containerSchema),
      ...pageOutput,
      summary: z.object({ running: z.int(), healthy: z.int(), unhealthy: z.int() }),
    }),
    async run({ running, ...request }, { environment: { engine }, signal }) {
      const all = (await listContainers(engine, signal)).filter(({ status }) => !running || status === 'running');
      const { items, ...page } = pageOf(all, (container) => container.name, request);
      const summary = {
        running: all.filter(({ status }) => status === 'running').length,
        healthy: all.filter(({ health }) => health === 'healthy').length,
        unhealthy: all.filter(({ health }) => health === 'unhealthy').length,
      };
      return {
        summary: `${page.total} containers: ${summary.running} running, ${summary.unhealthy} unhealthy.`,
        data: { containers: items.map(shown), ...page, summary },
      };
    },
  }),

  tool({
    name: 'container_health',
    title: 'Check a container',
    description: 'Tells whether a container runs well, what its health check said last, and why it ended if it did.',
    effect: 'read',
    openWorld: true,
    input: z.object({ container: name }),
    output: z.object({
      container: containerSchema,
      ok: z.boolean(),
      faults: z.array(z.string()),
      lastCheck: z.string().optional(),
      exitCode: z.int(),
      finishedAt: z.string().optional(),
    }),
    async run(args, { environment: { engine }, signal }) {
      const container = await findContainer(engine, args.container, signal);
      const faults = containerFaults(container);
      const { lastCheck, exitCode, finishedAt } = container;
      const data = {
        container: shown(container),
        ok: faults.length === 0,
        faults,
        ...(lastCheck !== undefined && { lastCheck }),
        exitCode,
        ...(finishedAt !== undefined && { finishedAt }),
      };
      return {
        summary: `${container.name} is ${container.status}, health ${container.health}. ${faults.join(' ')}`.trim(),
        data,
      };
    },
  }),

  tool({
    name: 'container_logs',
    title: 'Read the logs of a container',
    description: 'Gives the end of what a container printed, with secrets taken out as far as they can be told.',
    effect: 'read',
    openWorld: true,
    input: z.object({
      container: name,
      lines: z.int().min(1).max(2_000).default(100).describe('How many lines from the end'),
      since: z.string().optional().describe('How far back: 30s, 10m, 2h, or a time such as 2026-01-31T08:00:00Z'),
    }),
    output: z.object({ container: z.string(), lines: z.int(), logs: z.string() }),
    async run(args, { environment: { engine }, signal }) {
      const container = await findContainer(engine, args.container, signal);
      const logs = await containerLogs(engine, container.id, args, signal);
      const lines = logs === '' ? 0 : logs.trimEnd().split('\n').length;
      return { summary: `${lines} lines of ${container.name}.`, data: { container: container.name, lines, logs } };
    },
  }),

  tool({
    name: 'container_restart',
    title: 'Restart a container',
    description: 'Restarts a container; it has 10 s to stop by itself.',
    effect: 'destroy',
    openWorld: true,
    input: z.object({ container: name }),
    output: z.object({ container: containerSchema }),
    async question(args, { environment: { engine }, signal }) {
      const { name, image, status } = await findContainer(engine, args.container, signal);
      return `Restart the container ${name} (${image}), which is ${status}?`;
    },
    async run(args, { environment: { engine }, signal, progress }) {
      const { id, name } = await findContainer(engine, args.container, signal);
      progress(`Restarting ${name}`);
      const container = await restartContainer(engine, id, signal);
      return { summary: `Restarted ${name}: it is ${container.status}.`, data: { container: shown(container) } };
    },
  }),

  tool({
    name: 'compose_status',
    title: 'Show the compose services',
    description:
      'Lists the services of the compose file in the root, each with its containers and whether it runs well.',
    effect: 'read',
    openWorld: true,
    input: z.object({}),
    output: z.object({
      file: z.string(),
      services: z.array(
        z.object({
          name: z.string(),
          running: z.boolean(),
          ok: z.boolean(),
          containers: z.array(containerSchema),
          faults: z.array(z.string()),
        }),
      ),
    }),
    async run(_args, { environment: { compose, root }, signal }) {
      const file = (await compose.file()).slice(root.path.length + 1);
      const services = (await compose.services(signal)).map(({ name, containers }) => {
        const faults = containers.flatMap((one) => containerFaults(one).map((fault) => `${one.name}: ${fault}`));
        const running = containers.some(({ status }) => status === 'running');
        return { name, running, ok: running && faults.length === 0, containers: containers.map(shown), faults };
      });
      const well = services.filter(({ ok }) => ok).length;
      return { summary: `${well} of ${services.length} services of ${file} run well.`, data: { file, services } };
    },
  }),

  tool({
    name: 'compose_restart',
    title: 'Restart a compose service',
    description: 'Restarts the containers of a service of the compose file in the root.',
    effect: 'destroy',
    openWorld: true,
    input: z.object({ service: z.string().max(255).describe('The name of the service') }),
    output: z.object({ service: z.string(), containers: z.array(containerSchema) }),
    async question({ service }, { environment: { compose }, signal }) {
      await compose.checkService(service, signal);
      return `Restart the service ${service} of the compose file?`;
    },
    async run({ service }, { environment: { compose }, signal, progress }) {
      progress(`Restarting ${service}`);
      await compose.restart(service, signal);
      const found = (await compose.services(signal)).find(({ name }) => name === service);
      return { summary: `Restarted ${service}.`, data: { service, containers: (found?.containers ?? []).map(shown) } };
    },
  }),
];

function shown(container: Inspection): z.infer<typeof containerSchema> {
  const { id, name, image, status, health, ports, restarts, startedAt, labels } = container;
  const service = labels['com.docker.compose.service'];
  return {
    id: id.slice(0, 12),
    name,
    image,
    status,
    health,
    ports,
    restarts,
    ...(startedAt !== undefined && { startedAt }),
    ...(service !== undefined && { service }),
  };
}
