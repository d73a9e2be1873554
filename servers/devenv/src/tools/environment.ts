import { z } from 'zod';
import { DIAGNOSTICS, diagnose, type Check } from '../checks/diagnostic.ts';
import { checkSection, probeServices, SECTIONS } from '../checks/environment.ts';
import { counted, findingSchema, worst } from '../checks/finding.ts';
import type { Environment } from '../environment.ts';
import { DevenvError } from '../errors.ts';
import { version } from '../version.ts';
import { type Tool, tool } from './tool.ts';

const state = z.enum(['ok', 'warning', 'error']);
const counts = z.object({ ok: z.int(), warnings: z.int(), errors: z.int() });
const configurationSchema = z.object({
  file: z.string(),
  found: z.boolean(),
  loadedAt: z.string().optional(),
  reloads: z.int(),
  lastError: z.string().optional(),
  areas: z.array(z.string()),
  services: z.array(z.string()),
  ports: z.array(z.int()),
  tasks: z.array(z.string()),
  branches: z.object({ base: z.string(), protected: z.array(z.string()), prefixes: z.array(z.string()) }),
});

/** The environment as a whole, its services, this server itself, and its configuration. */
export const environmentTools: readonly Tool[] = [
  tool({
    name: 'environment_status',
    title: 'Check the environment',
    description:
      'Checks the toolchains that the projects need, git, the projects, the configured services and ports, the containers and the disk; what is not asked for is left out.',
    effect: 'read',
    openWorld: true,
    input: z.object({
      sections: z
        .array(z.enum(SECTIONS))
        .min(1)
        .max(SECTIONS.length)
        .default([...SECTIONS])
        .describe('What to check'),
    }),
    output: z.object({
      state,
      counts,
      sections: z.array(z.object({ section: z.enum(SECTIONS), state, findings: z.array(findingSchema) })),
    }),
    async run(args, { environment, signal, progress }) {
      const chosen = [...new Set(args.sections)];
      const sections = await Promise.all(
        chosen.map(async (section) => {
          const findings = await checkSection(section, environment, signal);
          progress(`Checked ${section}`, chosen.length);
          return { section, state: worst(findings), findings };
        }),
      );
      const all = sections.flatMap(({ findings }) => findings);
      const [overall, sums] = [worst(all), counted(all)];
      const summary = `The environment: ${overall}; ${sums.errors} errors, ${sums.warnings} warnings.`;
      return { summary, data: { state: overall, counts: sums, sections } };
    },
  }),

  tool({
    name: 'service_check',
    title: 'Reach the services',
    description:
      'Connects to the databases, brokers and servers of the configuration and greets each in its own protocol, without logging in.',
    effect: 'read',
    openWorld: true,
    input: z.object({ service: z.string().max(100).optional().describe('One of the configuration; all if absent') }),
    output: z.object({
      services: z.array(
        z.object({
          name: z.string(),
          kind: z.string(),
          address: z.string(),
          required: z.boolean(),
          reachable: z.boolean(),
          detail: z.string(),
          ms: z.int(),
        }),
      ),
    }),
    async run({ service }, { environment, signal }) {
      const services = await probeServices(environment, signal, service);
      if (service !== undefined && services.length === 0) {
        const names = Object.keys(environment.configuration.settings.services).join(', ') || 'none';
        throw new DevenvError(
          'SERVICE_NOT_FOUND',
          `There is no service ${JSON.stringify(service)}. The configuration has ${names}.`,
        );
      }
      const reachable = services.filter((one) => one.reachable).length;
      return { summary: `${reachable} of ${services.length} services can be reached.`, data: { services } };
    },
  }),

  tool({
    name: 'self_diagnostic',
    title: 'Check this server',
    description:
      'Checks what this server needs by doing it: the root, git, the container engine, starting and ending a process.',
    effect: 'read',
    openWorld: true,
    input: z.object({}),
    output: z.object({
      server: z.object({
        version: z.string(),
        pid: z.int(),
        node: z.string(),
        platform: z.string(),
        uptimeSeconds: z.int(),
        memoryBytes: z.int(),
        root: z.string(),
        readOnly: z.boolean(),
      }),
      state,
      counts,
      checks: z.array(z.object({ check: z.string(), state, detail: z.string(), ms: z.int() })),
    }),
    async run(_args, { environment, signal, progress }) {
      const checks: Check[] = [];
      for (const check of DIAGNOSTICS) {
        checks.push(await diagnose(check, environment, signal));
        progress(`Checked ${check}`, DIAGNOSTICS.length);
      }
      const server = {
        version,
        pid: process.pid,
        node: process.version,
        platform: process.platform,
        uptimeSeconds: Math.round(process.uptime()),
        memoryBytes: process.memoryUsage().rss,
        root: environment.root.path,
        readOnly: environment.readOnly,
      };
      const data = { server, state: worst(checks), counts: counted(checks), checks };
      return { summary: `This server: ${data.state}; ${data.counts.ok} of ${checks.length} checks are ok.`, data };
    },
  }),

  tool({
    name: 'configuration_status',
    title: 'Show the configuration',
    description: 'Tells which configuration is in force, when it was read, and what is wrong with the file if it is.',
    effect: 'read',
    input: z.object({}),
    output: configurationSchema,
    run: (_args, { environment }) =>
      Promise.resolve({ summary: 'The configuration in force.', data: configurationOf(environment) }),
  }),

  tool({
    name: 'configuration_reload',
    title: 'Reload the configuration',
    description:
      'Reads the configuration file again, for all clients of this process. If it is not valid, the former one stays.',
    effect: 'change',
    idempotent: true,
    input: z.object({}),
    output: configurationSchema,
    async run(_args, { environment }) {
      await environment.configuration.reload();
      return { summary: 'The configuration was read again.', data: configurationOf(environment) };
    },
  }),
];

/** What is in force; of services and tasks only the names. */
function configurationOf({ configuration: { status, settings } }: Environment): z.infer<typeof configurationSchema> {
  const { areas, services, ports, tasks, branches } = settings;
  const names = { areas: Object.keys(areas), services: Object.keys(services), tasks: Object.keys(tasks) };
  return { ...status, ...names, ports, branches };
}
