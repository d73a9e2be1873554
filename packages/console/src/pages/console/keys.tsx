import type { JSX } from 'preact';
import { useEffect, useRef, useState } from 'preact/hooks';
import { Dialog } from '../common/dialog.tsx';
import { keyOf } from './live-state.ts';
import type { Page } from './page.ts';
import { TITLES, VIEWS } from './place.ts';

const KEYS: readonly (readonly [string, string])[] = [
  ['Ctrl K', 'go to a view, a session, a request or a server'],
  ['/', 'filter'],
  ['1 … 9, 0', 'the views, in their order'],
  ['↑ ↓ Enter', 'move in a table, and open a row'],
  ['Esc', 'close what is open'],
  ['?', 'this list'],
];

interface Target {
  readonly label: string;
  readonly kind: string;
  go(): void;
}

const MAX_FOUND = 12;

function targetsOf(page: Page): Target[] {
  const { state } = page.live!;
  return [
    ...VIEWS.map((view) => ({ label: TITLES[view], kind: 'view', go: () => page.go(view) })),
    ...[...state.upstreams.keys()].map((id) => ({ label: id, kind: 'server', go: () => page.go('servers', { id }) })),
    ...[...state.sessions.values()].map((session) => ({
      label: `${session.principal} ${session.client?.name ?? ''} ${session.id}`,
      kind: 'session',
      go: () => page.go('sessions', { id: keyOf(session) }),
    })),
    ...[...state.requests.values()].map(({ id, method, target }) => ({
      label: `${target ?? method} ${id}`,
      kind: 'request',
      go: () => page.go('requests', { id }),
    })),
  ];
}

function Palette({ page, onClose }: { readonly page: Page; onClose(): void }): JSX.Element {
  const [text, setText] = useState('');
  const [at, setAt] = useState(0);
  const words = text.toLowerCase().split(/\s+/).filter(Boolean);
  const found = targetsOf(page)
    .filter(({ label, kind }) => words.every((word) => `${kind} ${label}`.toLowerCase().includes(word)))
    .slice(0, MAX_FOUND);
  const choose = (target: Target | undefined): void => {
    onClose();
    target?.go();
  };
  const onKeyDown = (event: KeyboardEvent): void => {
    if (event.key === 'ArrowDown') setAt((at + 1) % Math.max(1, found.length));
    else if (event.key === 'ArrowUp') setAt((at + found.length - 1) % Math.max(1, found.length));
    else if (event.key === 'Enter') choose(found[at]);
    else return;
    event.preventDefault();
  };
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
          setAt(0);
        }}
        onKeyDown={onKeyDown}
      />
      <ul class="palette" id="palette" role="listbox" aria-label="Found">
        {found.map((target, nth) => (
          // oxlint-disable-next-line click-events-have-key-events
          <li key={nth} id={`palette-${nth}`} role="option" aria-selected={nth === at} onClick={() => choose(target)}>
            <span>{target.label}</span>
            <span class="hint">{target.kind}</span>
          </li>
        ))}
      </ul>
      {found.length === 0 && (
        <p class="hint">Nothing is called so here. Sessions and requests are found on their views.</p>
      )}
    </Dialog>
  );
}

const isTyping = (target: EventTarget | null): boolean =>
  target instanceof HTMLInputElement || target instanceof HTMLTextAreaElement || target instanceof HTMLSelectElement;

/** What keys do everywhere. */
export function Keys({ page }: { readonly page: Page }): JSX.Element | null {
  const [open, setOpen] = useState<'palette' | 'help'>();
  const isOpen = useRef(false);
  isOpen.current = open !== undefined;
  useEffect(() => {
    page.openPalette = () => setOpen('palette');
    const onKeyDown = (event: KeyboardEvent): void => {
      if ((event.ctrlKey || event.metaKey) && event.key.toLowerCase() === 'k') setOpen('palette');
      else if (isTyping(event.target) || event.ctrlKey || event.metaKey || event.altKey) return;
      else if (document.querySelector('dialog[open]') !== null) return;
      else if (event.key === '?') setOpen('help');
      else if (event.key === '/') document.querySelector<HTMLInputElement>('.filter input')?.focus();
      else if (event.key === 'Escape' && page.place.params['id'] !== undefined) page.show({ id: undefined }, false);
      else {
        // Space is a number too, as far as Number goes.
        const view = /^\d$/.test(event.key) ? VIEWS[(Number(event.key) + 9) % 10] : undefined;
        if (view === undefined) return;
        page.go(view);
      }
      event.preventDefault();
    };
    document.addEventListener('keydown', onKeyDown);
    return () => document.removeEventListener('keydown', onKeyDown);
  }, [page]);
  if (open === 'palette') return <Palette page={page} onClose={() => setOpen(undefined)} />;
  if (open === undefined) return null;
  return (
    <Dialog title="Keys" onClose={() => setOpen(undefined)}>
      <dl class="keys">
        {KEYS.map(([key, what]) => (
          <div key={key}>
            <dt>
              <kbd>{key}</kbd>
            </dt>
            <dd>{what}</dd>
          </div>
        ))}
      </dl>
    </Dialog>
  );
}
