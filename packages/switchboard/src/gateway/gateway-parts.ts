import type { Observation } from './observation.ts';
import type { SharedStore } from '../stores/store.ts';
import type { Problem } from './admin/health.ts';
import type { Origins } from './admin/configuration.ts';
import type { Change } from './change.ts';
import type { Configuration } from './configuration.ts';
import type { ConfigurationFile } from './configuration-file.ts';
import type { PageServer } from './console/console.ts';
import type { Program } from './program.ts';
import type { Simulator } from './simulator.ts';

/** What a gateway is made of. Without roles everybody may use everything. */
export interface GatewayParts
  extends Pick<Configuration, 'settings' | 'upstreams'>, Partial<Pick<Configuration, 'roles' | 'jwt' | 'access'>> {
  environment: Readonly<Record<string, string | undefined>>;
  observation: Observation;
  stateStore?: SharedStore;
  program?: Program | undefined;
  onReload?: () => Change | Promise<Change>;
  onDrain?: (timeoutMs?: number) => void;
  problems?: () => readonly Problem[];
  servePages?: PageServer;
  simulator?: () => Promise<Simulator | undefined>;
  configurationFile?: ConfigurationFile;
  origins?: Origins;
}
