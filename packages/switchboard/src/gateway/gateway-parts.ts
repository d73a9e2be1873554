import type { Tracer } from '@opentelemetry/api';

import type { Emit } from '../observe/events.ts';
import type { GatewayOptions } from './gateway-options.ts';
import type { Observation } from './observation.ts';
import type { SharedStore } from '../stores/store.ts';
import type { Problem } from './admin/health.ts';
import type { Origins } from './admin/configuration.ts';
import type { Change } from './change.ts';
import type { Configuration, ConfigurationInput } from './configuration.ts';
import type { ConfigurationFile } from './configuration-file.ts';
import type { PageServer } from './console/console.ts';
import type { Program } from './program.ts';
import type { Simulator } from './simulator.ts';

/** What a gateway is made of. Without roles everybody may use everything. */
export interface GatewayParts
  extends Pick<Configuration, 'settings' | 'upstreams'>, Partial<Pick<Configuration, 'roles' | 'jwt' | 'access'>> {
  environment: Readonly<Record<string, string | undefined>>;
  observation: Observation;
  stateStore?: SharedStore | undefined;
  program?: Program | undefined;
  onReload?: (() => Change | Promise<Change>) | undefined;
  onDrain?: ((timeoutMs?: number) => void) | undefined;
  problems?: (() => readonly Problem[]) | undefined;
  servePages?: PageServer | undefined;
  simulator?: (() => Promise<Simulator | undefined>) | undefined;
  configurationFile?: ConfigurationFile | undefined;
  origins?: Origins;
}

/** What of the options of a program is its configuration, and what else a gateway is made of. */
export function partsOf({ environment = {}, onEvent = () => {}, tracer, origins, ...given }: GatewayOptions): {
  input: ConfigurationInput;
  onEvent: Emit;
  tracer: Tracer | undefined;
  parts: Omit<GatewayParts, keyof Configuration | 'observation'>;
} {
  const { onReload, onDrain, problems, program, servePages, simulator, configurationFile, stateStore, ...input } =
    given;
  const own = { onReload, onDrain, problems, program, servePages, simulator, configurationFile, stateStore };
  const fromProgram = Object.fromEntries(Object.keys(input).map((name) => [name, 'program']));
  return { input, onEvent, tracer, parts: { ...own, environment, origins: origins ?? fromProgram } };
}
