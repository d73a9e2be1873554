import type { JSX } from 'preact';
import { useEffect, useMemo, useState } from 'preact/hooks';
import { Dialog } from '../common/dialog.tsx';
import type { Page } from './page.ts';
import { viewsFor } from './place.ts';
import { findTargets, TARGET_TOPICS, targetsOf, type Target } from './targets.ts';

const MAX_FOUND = 12;

/** Leads to a view, a server, a session or a request, wherever one is. */
export function Palette({ page, onClose }: { readonly page: Page; onClose(): void }): JSX.Element {
  const { state } = page.live!;
  const { sessions, requests, upstreams, recent } = state.versions;
  const [text, setText] = useState('');
  // By its key: what is found comes and goes while somebody chooses.
  const [chosen, setChosen] = useState<string>();
  const targets = useMemo(
    () => targetsOf(state, viewsFor(page.mayAudit)),
    [state, page.mayAudit, sessions, requests, upstreams, recent],
  );
  const found = useMemo(() => findTargets(targets, text, MAX_FOUND), [targets, text]);
  const at = Math.max(
    0,
    found.findIndex(({ key }) => key === chosen),
  );
  // The first too stays the one that Enter opens, once it was shown as such.
  useEffect(() => {
    if (chosen === undefined) setChosen(found[0]?.key);
  }, [chosen, found]);
  const choose = (target: Target | undefined): void => {
    onClose();
    if (target !== undefined) page.go(target.view, { id: target.id });
  };
  const step = (by: number): void => setChosen(found[(at + by + found.length) % Math.max(1, found.length)]?.key);
  const onKeyDown = (event: KeyboardEvent): void => {
    if (event.key === 'ArrowDown') step(1);
    else if (event.key === 'ArrowUp') step(-1);
    else if (event.key === 'Enter') choose(found[at]);
    else return;
    event.preventDefault();
  };
  const isKnown = TARGET_TOPICS.every((topic) => state.known.has(topic));
  return (
    <Dialog title="Go to" onClose={onClose}>
      <input
        aria-label="Go to"
        role="combobox"
        aria-expanded="true"
        aria-controls="palette"
        aria-activedescendant={`palette-${at}`}
        autofocus
        value={text}
        onInput={({ currentTarget }) => {
          setText(currentTarget.value);
          setChosen(undefined);
        }}
        onKeyDown={onKeyDown}
      />
      <ul class="palette" id="palette" role="listbox" aria-label="Found">
        {found.map((target, nth) => (
          // oxlint-disable-next-line click-events-have-key-events
          <li
            key={target.key}
            id={`palette-${nth}`}
            role="option"
            aria-selected={nth === at}
            onClick={() => choose(target)}
          >
            <span>{target.label}</span>
            <span class="hint">{target.kind}</span>
          </li>
        ))}
      </ul>
      {!isKnown && <p class="hint">Looking for sessions and requests…</p>}
      {isKnown && found.length === 0 && (
        <p class="hint">Nothing here has these words. Of requests, those under way and the last thousand are found.</p>
      )}
    </Dialog>
  );
}
