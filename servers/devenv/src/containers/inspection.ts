import { z } from 'zod';

/** What is read of `inspect`, whose JSON Docker and Podman share but for a few names. Its environment is not read. */
export const inspectionSchema: z.ZodType<Inspection[]> = z.array(
  z
    .object({
      Id: z.string(),
      Name: z.string(),
      ImageName: z.string().optional(),
      RestartCount: z.int().default(0),
      State: z.object({
        Status: z.string(),
        StartedAt: z.string().optional(),
        FinishedAt: z.string().optional(),
        ExitCode: z.int().default(0),
        OOMKilled: z.boolean().default(false),
        Error: z.string().default(''),
        Health: healthSchema().nullish(),
        // Older versions of Podman have the other name.
        Healthcheck: healthSchema().nullish(),
      }),
      Config: z.object({ Image: z.string().default(''), Labels: z.record(z.string(), z.string()).nullish() }),
      NetworkSettings: z
        .object({ Ports: z.record(z.string(), z.array(bindingSchema()).nullable()).nullish() })
        .nullish(),
    })
    .transform(({ Id, Name, ImageName, RestartCount, State, Config, NetworkSettings }): Inspection => ({
      id: Id,
      name: Name.replace(/^\//, ''),
      image: ImageName ?? Config.Image,
      status: State.Status,
      restarts: RestartCount,
      exitCode: State.ExitCode,
      outOfMemory: State.OOMKilled,
      error: State.Error,
      startedAt: State.StartedAt,
      finishedAt: State.FinishedAt,
      labels: Config.Labels ?? {},
      ports: Object.entries(NetworkSettings?.Ports ?? {}).map(([port, bindings]) => ({
        container: port,
        host: (bindings ?? []).map(({ HostIp, HostPort }) => `${HostIp || '0.0.0.0'}:${HostPort}`),
      })),
      ...health(State.Health ?? State.Healthcheck ?? undefined),
    })),
);

export interface Inspection {
  id: string;
  name: string;
  image: string;
  /** created, running, paused, restarting, exited, dead … */
  status: string;
  /** What its own check says; `none` if it has no check. */
  health: 'healthy' | 'unhealthy' | 'starting' | 'none';
  failingStreak: number;
  /** What the check printed last. */
  lastCheck: string | undefined;
  restarts: number;
  exitCode: number;
  outOfMemory: boolean;
  error: string;
  startedAt: string | undefined;
  finishedAt: string | undefined;
  labels: Record<string, string>;
  ports: { container: string; host: string[] }[];
}

interface Health {
  Status: string;
  FailingStreak: number;
  Log?: { Output: string }[] | null | undefined;
}

function healthSchema(): z.ZodType<Health> {
  return z.object({
    Status: z.string().default(''),
    FailingStreak: z.int().default(0),
    Log: z.array(z.object({ Output: z.string().default('') })).nullish(),
  });
}

function bindingSchema(): z.ZodType<{ HostIp: string; HostPort: string }> {
  return z.object({ HostIp: z.string().default(''), HostPort: z.coerce.string() });
}

function health(given: Health | undefined): Pick<Inspection, 'health' | 'failingStreak' | 'lastCheck'> {
  const status = given?.Status;
  const known = status === 'healthy' || status === 'unhealthy' || status === 'starting';
  return {
    health: known ? status : 'none',
    failingStreak: given?.FailingStreak ?? 0,
    lastCheck: given?.Log?.at(-1)?.Output.trim().slice(0, 1_000),
  };
}
