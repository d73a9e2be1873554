/** Arguments that the host fills in: the model neither sees nor sets them. */

type Schema = Readonly<Record<string, unknown>>;

/** The schema as the model gets it. */
export function withoutInjected(schema: Schema, injected: Readonly<Record<string, string>>): Schema {
  const { properties, required, ...rest } = schema as { properties?: Record<string, unknown>; required?: unknown };
  if (properties === undefined) return schema;
  const isLeft = (name: unknown): boolean => !Object.hasOwn(injected, String(name));
  const left = Array.isArray(required) ? (required as unknown[]).filter(isLeft) : [];
  return {
    ...rest,
    properties: Object.fromEntries(Object.entries(properties).filter(([name]) => isLeft(name))),
    ...(left.length > 0 && { required: left }),
  };
}

/** What the model wrote, for people to see: without what it must not set. */
export function withoutForged(
  written: Readonly<Record<string, unknown>>,
  injected: Readonly<Record<string, string>>,
): Record<string, unknown> {
  return Object.fromEntries(Object.entries(written).filter(([name]) => !Object.hasOwn(injected, name)));
}

/** What the tool is called with: the host's values come after, and over, whatever the model wrote. */
export function withInjected(
  written: Readonly<Record<string, unknown>>,
  schema: Schema,
  injected: Readonly<Record<string, string>>,
): Record<string, unknown> {
  const known = schema['properties'] ?? {};
  const values = Object.entries(injected).filter(([name]) => Object.hasOwn(known, name));
  return { ...withoutForged(written, injected), ...Object.fromEntries(values) };
}
