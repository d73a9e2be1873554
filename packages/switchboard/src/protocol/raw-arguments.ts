/**
 * The `arguments` of a large call, kept as they were written: between a client and a server nothing in them changes, and to parse and
 * write a megabyte costs ten times more than to prove that it is JSON. `large-call.ts` reads and writes such a call.
 */
import type { JsonObject } from './rpc-types.ts';

export class RawArguments {
  /** An object of JSON in UTF-8, without line breaks. */
  readonly bytes: Uint8Array;

  constructor(bytes: Uint8Array) {
    this.bytes = bytes;
  }

  /** Parsed each time: keep it. */
  get value(): JsonObject {
    return JSON.parse(new TextDecoder().decode(this.bytes)) as JsonObject;
  }

  /** What writes it as JSON needs to know nothing of this class. */
  toJSON(): JsonObject {
    return this.value;
  }
}

/** The arguments of a call for who looks into them; nothing where they are no object. */
export function argumentsOf(params: JsonObject | undefined): JsonObject | undefined {
  const args = params?.['arguments'];
  if (args instanceof RawArguments) return args.value;
  return typeof args === 'object' && args !== null && !Array.isArray(args) ? (args as JsonObject) : undefined;
}

/** The params with arguments that anybody can look into; the same ones where they are so already. */
export const withOpenArguments = (params: JsonObject): JsonObject =>
  params['arguments'] instanceof RawArguments ? { ...params, arguments: params['arguments'].value } : params;
