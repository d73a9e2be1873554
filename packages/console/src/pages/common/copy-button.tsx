import type { JSX } from 'preact';
import { useEffect, useState } from 'preact/hooks';
import { Icon } from './icon.tsx';

/** How long the button says that it has copied, in milliseconds. */
const THANKS_MS = 1_500;

/** Copies a text, and says so. */
export function CopyButton({ text, label }: { readonly text: () => string; readonly label: string }): JSX.Element {
  const [said, say] = useState<'Copied' | 'Not allowed'>();
  useEffect(() => {
    if (said === undefined) return undefined;
    const timer = setTimeout(() => say(undefined), THANKS_MS);
    return () => clearTimeout(timer);
  }, [said]);
  const copy = (): void => {
    // Only a page that came over HTTPS or from this machine has a clipboard.
    const written = navigator.clipboard?.writeText(text()) ?? Promise.reject(new Error('no clipboard'));
    written.then(
      () => say('Copied'),
      () => say('Not allowed'),
    );
  };
  return (
    <button type="button" class="quiet" aria-label={said ?? label} title={said ?? label} onClick={copy}>
      <Icon name={said === 'Copied' ? 'check' : said === undefined ? 'copy' : 'alert'} />
      {said ?? 'Copy'}
    </button>
  );
}
