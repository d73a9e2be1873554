/** What operators did, in words: a test compares the table with the routes of the admin API. */

/** By the route. `{subject}` stands for what it was done to; null is for what changes nothing, such as to read something. */
export const ACTED: Readonly<Record<string, string | null>> = {
  'PATCH /sessions/{id}': 'labelled the session {subject}',
  'DELETE /sessions/{id}': 'ended the session {subject}',
  'DELETE /sessions/{id}/requests': 'cancelled the calls of the session {subject}',
  'DELETE /requests/{id}': 'cancelled the request {subject}',
  'POST /upstreams/{name}/restart': 'restarted {subject}',
  'POST /upstreams/{name}/drain': 'drained {subject}',
  'POST /upstreams/{name}/disable': 'disabled {subject}',
  'POST /upstreams/{name}/enable': 'enabled {subject}',
  'POST /upstreams/{name}/check': 'checked {subject}',
  'POST /upstreams/{name}/call': 'tried a tool: {subject}',
  'POST /trials/{id}': 'answered a question of a server',
  'DELETE /lockouts/{address}': 'unlocked {subject}',
  'POST /keys': 'made a key for {subject}',
  'DELETE /keys/{id}': 'revoked the key {subject}',
  'POST /configuration/clients': null,
  'POST /configuration/preview': null,
  'POST /configuration/apply': 'changed the configuration: {subject}',
  'POST /configuration/undo': 'took back the newest change of the configuration',
  'POST /simulations': 'put a server under load: {subject}',
  'DELETE /simulations/{id}': 'stopped the run {subject}',
  'POST /broadcast': 'sent a message to clients',
  'POST /reload': 'reloaded the configuration',
  'POST /drain': 'began to drain',
  'POST /console-link': 'made a link to the console for the role {subject}',
};

/** Such as `olga made a key for bob (reader)`; undefined where nothing was changed. */
export function actedInWords(
  operator: string,
  action: string,
  subject: string | undefined,
  outcome: string,
): string | undefined {
  if (action.startsWith('GET ')) return undefined;
  const words = Object.hasOwn(ACTED, action) ? ACTED[action] : `${action} {subject}`;
  if (words == null) return undefined;
  const did =
    subject === undefined
      ? words.replace(/(?::| for(?: the role)?)? *\{subject\}$/, '')
      : words.replace('{subject}', () => subject);
  return outcome === 'ok' ? `${operator} ${did}` : `${operator} ${did}: not done, ${outcome}`;
}
