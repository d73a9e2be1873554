/** What the palette leads to: views, servers, sessions and requests. */
import { keyOf, type LiveState } from './live-state.ts';
import { TITLES, type View } from './place.ts';

export interface Target {
  /** What tells it apart from all others, however often it is looked for. */
  readonly key: string;
  readonly kind: 'view' | 'server' | 'session' | 'request';
  readonly label: string;
  readonly view: View;
  /** What is opened there. */
  readonly id?: string;
}

/** What the stream must be about while the palette is open. */
export const TARGET_TOPICS: readonly string[] = ['upstreams', 'sessions', 'requests', 'recent'];

/** Views come first, then what is there now, then requests that have ended, the newest first. */
export function targetsOf({ upstreams, sessions, requests, recent }: LiveState, views: readonly View[]): Target[] {
  const of = (kind: Target['kind'], view: View, id: string, label: string): Target => ({
    key: `${kind} ${id}`,
    kind,
    label,
    view,
    id,
  });
  const ended = recent.flatMap(({ id, method, target }) =>
    id === undefined || requests.has(id) ? [] : [of('request', 'requests', id, `${target ?? method} ${id}`)],
  );
  return [
    ...views.map((view): Target => ({ key: `view ${view}`, kind: 'view', label: TITLES[view], view })),
    ...[...upstreams.keys()].map((name) => of('server', 'servers', name, name)),
    ...[...sessions.values()].map((session) => {
      const { id, principal, client } = session;
      return of('session', 'sessions', keyOf(session), [principal, client?.name, id].filter(Boolean).join(' '));
    }),
    ...[...requests.values()].map(({ id, method, target }) =>
      of('request', 'requests', id, `${target ?? method} ${id}`),
    ),
    ...ended.toReversed(),
  ];
}

/** @param text as typed: words that all stand in the kind or the label. */
export function findTargets(targets: readonly Target[], text: string, most: number): readonly Target[] {
  const words = text.toLowerCase().split(/\s+/).filter(Boolean);
  const found: Target[] = [];
  for (const target of targets) {
    if (found.length >= most) break;
    const said = `${target.kind} ${target.label}`.toLowerCase();
    if (words.every((word) => said.includes(word))) found.push(target);
  }
  return found;
}
