import type { CallToolResult } from '@modelcontextprotocol/server';

/** The result of a tool: text to read and, where the tool has an output schema, the same as data. */
export function toolResult(text: string, structuredContent?: Record<string, unknown>): CallToolResult {
  return { content: [{ type: 'text', text }], ...(structuredContent && { structuredContent }) };
}
