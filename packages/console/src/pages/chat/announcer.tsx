import type { JSX } from 'preact';
import { useEffect, useRef, useState } from 'preact/hooks';
import { announcement } from './announce.ts';
import type { ChatState } from './state.ts';

/** The one place that screen readers are told of changes from. */
export function Announcer({ state }: { readonly state: ChatState }): JSX.Element {
  const before = useRef(state);
  const [text, setText] = useState('');
  useEffect(() => {
    const next = announcement(before.current, state);
    before.current = state;
    if (next !== undefined) setText(next);
  }, [state]);
  return (
    <p class="hidden" aria-live="polite" role="status">
      {text}
    </p>
  );
}
