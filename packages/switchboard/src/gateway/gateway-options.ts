/** What a gateway takes of the program around it. */
import type { Tracer } from '@opentelemetry/api';
import type { Emit } from '../observe/events.ts';
import type { SharedStore } from '../stores/store.ts';
import type { Origins } from './admin/configuration.ts';
import type { Problem } from './admin/health.ts';
import type { PassToNode } from './cluster.ts';
import type { Change } from './change.ts';
import type { ConfigurationFile } from './configuration-file.ts';
import type { ConfigurationInput } from './configuration.ts';
import type { PageServer } from './console/console.ts';
import type { Program } from './program.ts';
import type { Simulator } from './simulator.ts';

/** What `createGateway` takes: a configuration, and what the program around it has a part in. */
export interface GatewayOptions extends ConfigurationInput {
  /** A program around it that has clients of its own and serves what operators ask. @default none */
  program?: Program;
  /** The variables of which children inherit a few, and those that `inheritEnv` names. @default {} */
  environment?: Readonly<Record<string, string | undefined>>;
  /** Told everything that happens. @default nobody */
  onEvent?: Emit;
  /** What an operator's reload does: reads the configuration again and hands it to `reload`. @default nothing can be read again */
  onReload?: () => Change | Promise<Change>;
  /**
   * What an operator's drain does, where nothing says that it is for this process alone; with how long to wait, in ms, where that was said.
   *
   * @default {@link Gateway.drain}
   */
  onDrain?: (timeoutMs?: number) => void;
  /** What the program knows to be wrong, for operators: `switchboard status` and the console show it. @default nothing */
  problems?: () => readonly Problem[];
  /** Where the values of options come from, by their names, for operators: such as `flag --port`. @default every value is the program's */
  origins?: Origins;
  /** The file that it was configured by, for operators who change it. @default nothing can be changed while it runs */
  configurationFile?: ConfigurationFile;
  /** Serves the files of the console: `serveConsole` of `mcp-switchboard-console`. @default there is no console */
  servePages?: PageServer;
  /** Loads `mcp-switchboard-simulator`, by which operators put servers under load. @default they cannot */
  simulator?: () => Promise<Simulator | undefined>;
  /**
   * The store of `store`, opened: see `openStore`. The gateway closes it. What is kept there outlives the gateway.
   *
   * @default the memory of this process
   */
  stateStore?: SharedStore;
  /** Makes a span of each request, through whatever OpenTelemetry SDK it is of. @default no spans */
  tracer?: Tracer;
}

/** Where a gateway listens, beside what its settings say. */
export interface ListenOptions {
  /**
   * The descriptor of a TCP socket on which this process listens already, as systemd hands one over.
   *
   * @default the `host` and the `port` of the settings
   */
  fd?: number | undefined;
  /**
   * Has another process that shares the port serve a connection without TLS, by its {@link Gateway.accept}.
   *
   * @default none does: what is for another node is passed on request by request
   * @internal
   */
  passOn?: PassToNode;
}

/** Who a client in the process of the gateway is. */
export interface ClientTransportOptions {
  /** The name of the server that it calls. @default all of them as one */
  upstream?: string;
  /** @default 'anonymous' */
  principal?: string;
  /** Values that it brings for its server, by names in small letters. @default {} */
  headers?: Readonly<Record<string, string>>;
}
