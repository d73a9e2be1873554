/** What arrives, as far as a client looks into it. */
export interface Message {
  id?: unknown;
  method?: string;
  params?: Params;
  result?: Result;
  error?: { code?: unknown; message?: unknown };
}

interface Params {
  progressToken?: unknown;
  progress?: unknown;
  uri?: unknown;
  message?: unknown;
  requestedSchema?: unknown;
  _meta?: Readonly<Record<string, unknown>>;
}

interface Result {
  isError?: unknown;
  resultType?: unknown;
  requestState?: unknown;
  inputRequests?: Readonly<Record<string, { method?: string; params?: Params }>>;
  tools?: unknown;
  serverInfo?: { name?: string; version?: string };
}

/** What somebody would answer to a question of a server: `text` in every field of a form that takes one. */
export function replyTo(method: string, params: Params | undefined, text: string): object | undefined {
  if (method === 'ping') return {};
  if (method === 'roots/list') return { roots: [] };
  if (method === 'sampling/createMessage') {
    return { role: 'assistant', model: 'mcp-simulate', stopReason: 'endTurn', content: { type: 'text', text } };
  }
  if (method !== 'elicitation/create') return undefined;
  return { action: 'accept', content: exampleOf(params?.requestedSchema, text) };
}

interface Schema {
  type?: unknown;
  enum?: unknown;
  oneOf?: unknown;
  default?: unknown;
  minimum?: unknown;
  required?: unknown;
  properties?: unknown;
}

/** A value that fits a JSON schema of an object, as far as such schemas are simple; `text` wherever text may be. */
export function exampleOf(schema: unknown, text: string): Record<string, unknown> {
  const { properties, required } = (schema ?? {}) as Schema;
  if (typeof properties !== 'object' || properties === null) return {};
  const needed = Array.isArray(required) ? (required as string[]) : [];
  const names = Object.keys(properties).filter((name) => needed.includes(name));
  const chosen =
    names.length > 0
      ? names
      : Object.keys(properties)
          .filter((name) => isText(valueAt(properties, name)))
          .slice(0, 1);
  return Object.fromEntries(chosen.map((name) => [name, valueFor(valueAt(properties, name), text)]));
}

const valueAt = (properties: object, name: string): Schema => (properties as Record<string, Schema | null>)[name] ?? {};
const isText = (schema: Schema): boolean =>
  schema.type === 'string' && !Array.isArray(schema.enum) && !Array.isArray(schema.oneOf);

function valueFor(schema: Schema, text: string): unknown {
  if (Array.isArray(schema.enum)) return (schema.enum as unknown[])[0];
  if (Array.isArray(schema.oneOf)) return (schema.oneOf as { const?: unknown }[])[0]?.const;
  if (schema.type === 'string') return text;
  if (schema.type === 'boolean') return true;
  if (schema.type === 'array') return [];
  if (schema.type === 'object') return exampleOf(schema, text);
  return typeof schema.minimum === 'number' ? schema.minimum : 1;
}
