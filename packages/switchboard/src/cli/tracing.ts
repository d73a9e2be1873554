/**
 * Sends traces where OpenTelemetry's own variables say (OpenTelemetry specification, "Environment Variable Specification"), if
 * its SDK is installed: it is large, so it does not come with Switchboard.
 */
import { trace } from '@opentelemetry/api';
import type { Tracer } from '@opentelemetry/api';

import { PRODUCT } from '../gateway/product.ts';

export interface Tracing {
  tracer: Tracer;
  /** Sends what has not been sent yet. Never rejects. */
  end(): Promise<void>;
}

interface Sdk {
  NodeSDK: new (options: { serviceName: string }) => { start(): void; shutdown(): Promise<void> };
}

const SDK = '@opentelemetry/sdk-node';
const WANTED = ['OTEL_TRACES_EXPORTER', 'OTEL_EXPORTER_OTLP_ENDPOINT', 'OTEL_EXPORTER_OTLP_TRACES_ENDPOINT'];

/** @returns nothing where no traces are wanted, or where they cannot be sent; `note` is told the latter. */
export async function startTracing(
  environment: NodeJS.ProcessEnv,
  note: (line: string) => void,
): Promise<Tracing | undefined> {
  const variable = WANTED.find((name) => (environment[name] ?? '') !== '');
  const isOff = environment['OTEL_SDK_DISABLED'] === 'true' || environment['OTEL_TRACES_EXPORTER'] === 'none';
  if (variable === undefined || isOff) return undefined;
  let sdk: Sdk;
  try {
    sdk = (await import(SDK)) as Sdk;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ERR_MODULE_NOT_FOUND') throw error;
    note(`${variable} is set, but no traces are sent: install ${SDK} beside mcp-switchboard, or unset it`);
    return undefined;
  }
  const running = new sdk.NodeSDK({ serviceName: environment['OTEL_SERVICE_NAME'] ?? 'switchboard' });
  running.start();
  const end = (): Promise<void> => running.shutdown().catch((error: Error) => note(`traces: ${error.message}`));
  return { tracer: trace.getTracer(PRODUCT.name, PRODUCT.version), end };
}
