import type { JSX } from 'preact';
import { ask } from './api.ts';
import { Failed, useAsked } from './asked.tsx';
import { Difference } from './difference.tsx';
import type { ToolChange } from './facts.ts';
import { Link } from './link.tsx';
import type { Page } from './page.ts';
import { columnIs } from './rows.ts';
import { age, exactly } from './words.ts';

function Change({ change, now }: { readonly change: ToolChange; readonly now: number }): JSX.Element {
  const { time, added, removed, changed } = change;
  return (
    <details class="tool-change">
      <summary>
        <span title={exactly(time)}>{age(now - time)} ago:</span>{' '}
        {[
          ...removed.map((tool) => `${tool} went`),
          ...added.map((tool) => `${tool} came`),
          ...changed.map(({ tool, parts }) => `${tool}: ${parts.map(({ part }) => part).join(', ')}`),
        ].join('; ')}
      </summary>
      {changed.map(({ tool, parts }) =>
        parts.map(({ part, before, after }) => (
          <Difference key={`${tool} ${part}`} what={`${tool}: ${part}`} before={before} after={after} />
        )),
      )}
    </details>
  );
}

/** What has changed in the tools of a server: their texts are read by models, so each change is worth a look. */
export function ToolChanges({ page, name }: { readonly page: Page; readonly name: string }): JSX.Element {
  const changedAt = page.live!.state.changes.findLast(
    ({ type, upstream }) => upstream === name && type === 'tools.changed',
  )?.time;
  const asked = useAsked(page, name, () => ask<readonly ToolChange[]>('toolChanges', { name }), changedAt);
  const changes = asked.answer;
  const now = Date.now() + page.live!.state.clockSkewMs;
  return (
    <>
      <h3>
        Changes of its tools{' '}
        <Link page={page} view="tools" params={{ filter: columnIs('server', name) }}>
          all its tools
        </Link>
      </h3>
      <Failed asked={asked} />
      {changes?.length === 0 && <p class="empty">None since somebody first looked at them here.</p>}
      {changes?.toReversed().map((change) => (
        <Change key={change.time} change={change} now={now} />
      ))}
    </>
  );
}
