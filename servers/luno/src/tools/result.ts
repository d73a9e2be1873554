import type { CallToolResult, ServerContext } from '@modelcontextprotocol/server';
import { LunoError } from '../errors.ts';
import type { Caller } from '../http.ts';

/** Where the result of a failed tool has its code as data. The text has it too. */
const ERROR_META = 'mcp-switchboard-luno/error';

/** The result of a tool: one sentence, and the data both as text and as structured content. */
export function toolResult(sentence: string, data: Record<string, unknown>): CallToolResult {
  return { content: [{ type: 'text', text: `${sentence}\n${JSON.stringify(data)}` }], structuredContent: data };
}

/** Makes an error of this server the result of the tool: code, what was wrong, what to do. */
export async function orError<T>(answer: () => Promise<T>): Promise<T | CallToolResult> {
  try {
    return await answer();
  } catch (error) {
    if (error instanceof LunoError) return errorResult(error);
    throw error;
  }
}

function errorResult({ code, message, advice, details }: LunoError): CallToolResult {
  const { status, lunoCode, retryAfterMs } = details;
  const data = {
    code,
    message,
    advice,
    ...(status !== undefined && { status }),
    ...(lunoCode && { luno_code: lunoCode }),
    ...(retryAfterMs !== undefined && { retry_after_seconds: Math.ceil(retryAfterMs / 1000) }),
  };
  const later = data.retry_after_seconds === undefined ? '' : ` retry_after_seconds: ${data.retry_after_seconds}.`;
  return {
    isError: true,
    content: [{ type: 'text', text: `${code}: ${message}\n${advice}${later}` }],
    _meta: { [ERROR_META]: data },
  };
}

/** Tells the caller how far a tool is, if the caller wants to know; each step counts one. */
export type Report = (message: string, total?: number) => void;

/** The caller of a tool as the API needs it: its cancellation, and its progress notes while a call waits. */
export function callerOf({ mcpReq: { signal, _meta, notify } }: ServerContext): Caller & { report: Report } {
  const progressToken = _meta?.progressToken;
  let progress = 0;
  const report: Report = (message, total) => {
    if (progressToken === undefined) return;
    progress += 1;
    const params = { progressToken, progress, message, ...(total !== undefined && { total }) };
    // The connection may have ended meanwhile; then nobody is left to be told.
    notify({ method: 'notifications/progress', params }).catch(() => {});
  };
  return { signal, report, onWait: (ms) => report(`Waits ${Math.ceil(ms / 1000)} s for Luno`) };
}
