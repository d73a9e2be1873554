/** The parts of JSON-RPC messages as MCP uses them, as types; `jsonrpc.ts` reads and writes them. */

/** Any object of JSON. */
export type JsonObject = { [key: string]: unknown };

/**
 * A request id. `bigint` stands for an integer that a double cannot hold, so that it goes back exactly as it came;
 * `1` and `"1"` are different ids.
 */
export type RpcId = string | number | bigint;

/** An error as JSON-RPC writes it. */
export interface RpcError {
  /** Its number. */
  code: number;
  /** What went wrong, for people. */
  message: string;
  /** Further facts, for programs. */
  data?: unknown;
}

/** A message that asks for an answer. */
export interface RpcRequest {
  jsonrpc: '2.0';
  id: RpcId;
  method: string;
  params?: JsonObject;
}

/** A message that gets no answer. */
export interface RpcNotification {
  jsonrpc: '2.0';
  method: string;
  params?: JsonObject;
}

/** The answer to a request. */
export interface RpcResult {
  jsonrpc: '2.0';
  id: RpcId;
  result: JsonObject;
}

/** The answer to a request that failed. */
export interface RpcFailure {
  jsonrpc: '2.0';
  /** Absent when the request could not be read well enough to know its id. */
  id?: RpcId;
  error: RpcError;
}
