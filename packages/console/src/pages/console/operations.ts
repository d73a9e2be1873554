/** Everything that the page asks of the admin API. A test compares it with the routes there, and those with the commands. */
export const OPERATIONS = {
  live: 'GET /live',
  recent: 'GET /requests/recent',
  endSession: 'DELETE /sessions/{id}',
  cancelAll: 'DELETE /sessions/{id}/requests',
  cancel: 'DELETE /requests/{id}',
  restart: 'POST /upstreams/{name}/restart',
  check: 'POST /upstreams/{name}/check',
  configuration: 'GET /configuration',
  tools: 'GET /tools',
  call: 'POST /upstreams/{name}/call',
  broadcast: 'POST /broadcast',
  reload: 'POST /reload',
  drain: 'POST /drain',
  link: 'POST /console-link',
} as const;

export type Operation = keyof typeof OPERATIONS;
