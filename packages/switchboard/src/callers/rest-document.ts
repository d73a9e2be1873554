/** The tools of an upstream as an OpenAPI 3.1 document, made from their schemas. */
import { isObject } from '../protocol/jsonrpc.ts';
import type { JsonObject } from '../protocol/jsonrpc.ts';

export type Tool = JsonObject & { name: string };

export interface DocumentFacts {
  upstream: string;
  /** Whether callers have to show who they are. */
  isProtected: boolean;
  /** Of Switchboard. */
  version: string;
}

/** Values that are data: what looks like a reference in them is none. */
const DATA: ReadonlySet<string> = new Set(['const', 'default', 'enum', 'example', 'examples']);

const ERROR = {
  type: 'object',
  required: ['error'],
  properties: {
    error: {
      type: 'object',
      required: ['code', 'message'],
      properties: {
        code: { type: 'integer' },
        message: { type: 'string' },
        data: {
          type: 'object',
          properties: { code: { type: 'string', description: 'from the error table, such as SWB_RATE_LIMITED' } },
        },
      },
    },
  },
};

export function describeTools(tools: readonly Tool[], { upstream, isProtected, version }: DocumentFacts): object {
  const schemas: Record<string, unknown> = { Error: ERROR };
  const paths: Record<string, object> = {};
  for (const [index, tool] of tools.entries()) {
    const path = `/rest/${upstream}/tools/${encodeURIComponent(tool.name)}`;
    // A server may name two tools alike; nobody could call the second.
    if (Object.hasOwn(paths, path)) continue;
    const key = `${tool.name.replaceAll(/[^\w.-]/g, '_')}_${index}`;
    schemas[`${key}_arguments`] = embedded(tool['inputSchema'], `${key}_arguments`);
    if (isObject(tool['outputSchema'])) schemas[`${key}_result`] = embedded(tool['outputSchema'], `${key}_result`);
    paths[path] = { post: operationOf(tool, key) };
  }
  return {
    openapi: '3.1.1',
    info: { title: `The tools of ${upstream}`, version },
    servers: [{ url: '/' }],
    ...(isProtected && { security: [{ bearer: [] }, { apiKey: [] }] }),
    paths,
    components: {
      schemas,
      ...(isProtected && {
        securitySchemes: {
          bearer: { type: 'http', scheme: 'bearer' },
          apiKey: { type: 'apiKey', in: 'header', name: 'X-API-Key' },
        },
      }),
    },
  };
}

function operationOf(tool: Tool, key: string): object {
  const { name, title, description, outputSchema, inputSchema } = tool;
  const reference = (part: string): object => ({ $ref: `#/components/schemas/${key}_${part}` });
  const required = isObject(inputSchema) ? inputSchema['required'] : undefined;
  const result = {
    type: 'object',
    required: ['text', 'content', 'isError'],
    properties: {
      text: { type: 'string', description: 'the text blocks of content, joined by line breaks' },
      content: { type: 'array', items: { type: 'object' }, description: 'the content blocks of MCP' },
      ...(isObject(outputSchema) && { structuredContent: reference('result') }),
      isError: { const: false },
    },
  };
  const error = { 'application/json': { schema: { $ref: '#/components/schemas/Error' } } };
  return {
    operationId: name,
    summary: typeof title === 'string' ? title : name,
    ...(typeof description === 'string' && { description }),
    requestBody: {
      required: Array.isArray(required) && required.length > 0,
      content: { 'application/json': { schema: reference('arguments') } },
    },
    responses: {
      200: {
        description: 'The result; with Accept: text/event-stream, events of progress and then one of the result',
        content: { 'application/json': { schema: result }, 'text/event-stream': { schema: { type: 'string' } } },
      },
      422: { description: 'The tool reported an error', content: error },
      default: { description: 'An error of the error table, or of the server', content: error },
    },
  };
}

/** A schema as a part of the document: its references to itself begin at the place where it stands. */
function embedded(schema: unknown, key: string): unknown {
  if (!isObject(schema)) return { type: 'object' };
  const { $schema: _schema, $id: _id, $ref, allOf, ...rest } = schema;
  // Some readers take an object with a reference for nothing but that, and then miss the definitions beside it.
  const all = [...(Array.isArray(allOf) ? (allOf as unknown[]) : []), ...(typeof $ref === 'string' ? [{ $ref }] : [])];
  return rebased({ ...rest, ...(all.length > 0 && { allOf: all }) }, `#/components/schemas/${key}`);
}

function rebased(value: unknown, base: string): unknown {
  if (Array.isArray(value)) return value.map((each) => rebased(each, base));
  if (!isObject(value)) return value;
  // What has an identity of its own resolves its references by itself.
  if (typeof value['$id'] === 'string') return value;
  return Object.fromEntries(
    Object.entries(value).map(([name, each]) => {
      if (name === '$ref' && typeof each === 'string')
        return [name, each.startsWith('#') ? base + each.slice(1) : each];
      return [name, DATA.has(name) ? each : rebased(each, base)];
    }),
  );
}
