import type { JSX } from 'preact';
import { useEffect, useState } from 'preact/hooks';
import { Dialog } from '../common/dialog.tsx';
import type { Page } from './page.ts';
import { Palette } from './palette.tsx';
import { viewsFor } from './place.ts';

const KEYS: readonly (readonly [string, string])[] = [
  ['Ctrl K', 'go to a view, a session, a request or a server'],
  ['/', 'filter'],
  ['1 … 9, 0', 'the views, in their order'],
  ['↑ ↓ Enter', 'move in a table, and open a row'],
  ['Esc', 'close what is open'],
  ['?', 'this list'],
];

/** Inputs that take no text, so that a key means what it means elsewhere. */
const WITHOUT_TEXT: ReadonlySet<string> = new Set(['radio', 'checkbox', 'button', 'submit', 'reset', 'file', 'range']);

const isTyping = (target: EventTarget | null): boolean =>
  target instanceof HTMLInputElement
    ? !WITHOUT_TEXT.has(target.type)
    : target instanceof HTMLTextAreaElement || target instanceof HTMLSelectElement;

/** What keys do everywhere. */
export function Keys({ page }: { readonly page: Page }): JSX.Element | null {
  const [isHelp, setHelp] = useState(false);
  useEffect(() => {
    const onKeyDown = (event: KeyboardEvent): void => {
      if ((event.ctrlKey || event.metaKey) && event.key.toLowerCase() === 'k') page.openPalette();
      else if (isTyping(event.target) || event.ctrlKey || event.metaKey || event.altKey) return;
      else if (document.querySelector('dialog[open]') !== null) return;
      else if (event.key === '?') setHelp(true);
      else if (event.key === '/') document.querySelector<HTMLInputElement>('.filter input')?.focus();
      else if (event.key === 'Escape' && page.place.params['id'] !== undefined) page.show({ id: undefined }, false);
      else {
        // Space is a number too, as far as Number goes.
        const view = /^\d$/.test(event.key) ? viewsFor(page.mayAudit)[(Number(event.key) + 9) % 10] : undefined;
        if (view === undefined) return;
        page.go(view);
      }
      event.preventDefault();
    };
    document.addEventListener('keydown', onKeyDown);
    return () => document.removeEventListener('keydown', onKeyDown);
  }, [page]);
  if (page.isPaletteOpen) return <Palette page={page} onClose={() => page.closePalette()} />;
  if (!isHelp) return null;
  return (
    <Dialog title="Keys" onClose={() => setHelp(false)}>
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
