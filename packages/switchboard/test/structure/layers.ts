/** From the bottom to the top. A folder imports from itself and from layers below, never sideways. */
export const LAYERS: readonly (readonly string[])[] = [
  ['util', 'protocol'],
  ['stores', 'limits'],
  ['transports', 'auth', 'observe'],
  ['callers', 'router', 'upstreams', 'peers'],
  ['gateway'],
  ['cli'],
];
