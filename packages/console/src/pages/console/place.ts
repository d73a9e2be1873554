/** Where one is: the view is a part of the path, and what of it is shown stands in the query, so that an address can be sent. */
export const VIEWS = [
  'overview',
  'sessions',
  'requests',
  'servers',
  'tools',
  'people',
  'audit',
  'nodes',
  'configuration',
  'simulate',
] as const;
export type View = (typeof VIEWS)[number];

export const TITLES: Readonly<Record<View, string>> = {
  overview: 'Overview',
  sessions: 'Sessions',
  requests: 'Requests',
  servers: 'Servers',
  tools: 'Tools',
  people: 'People',
  audit: 'Audit',
  nodes: 'Nodes',
  configuration: 'Configuration',
  simulate: 'Simulate',
};

/** In the order of the navigation, of the keys and of the palette. Who may not read the audit log is offered none. */
export const viewsFor = (mayAudit: boolean): readonly View[] => VIEWS.filter((view) => view !== 'audit' || mayAudit);

export interface Place {
  readonly view: View | 'unknown';
  readonly params: Readonly<Record<string, string>>;
}

/** @param path such as `/console/sessions`. */
export function placeOf(path: string, query: string): Place {
  const name = path.split('/').at(-1) ?? '';
  const view = name === '' ? 'overview' : (VIEWS.find((each) => each === name) ?? 'unknown');
  return { view, params: Object.fromEntries(new URLSearchParams(query)) };
}

/** Relative to the page. Empty params are left out. */
export function hrefOf(view: View, params: Readonly<Record<string, string | undefined>> = {}): string {
  const given = Object.entries(params).filter((entry): entry is [string, string] => (entry[1] ?? '') !== '');
  const query = new URLSearchParams(given).toString();
  return `${view === 'overview' ? './' : view}${query === '' ? '' : `?${query}`}`;
}
