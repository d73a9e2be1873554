import type { JSX } from 'preact';
import { useEffect, useRef } from 'preact/hooks';
import type { StderrLine } from './facts.ts';
import { clock, exactly } from './words.ts';

/** Follows the end, once it is known what was written, unless somebody has scrolled up. */
export function Stderr({ lines }: { readonly lines: readonly StderrLine[] | undefined }): JSX.Element {
  const box = useRef<HTMLDivElement>(null);
  const follows = useRef(true);
  useEffect(() => {
    if (follows.current && box.current !== null) box.current.scrollTop = box.current.scrollHeight;
  });
  if (lines === undefined) return <p class="empty">Loading…</p>;
  if (lines.length === 0) return <p class="empty">It has written nothing to stderr since Switchboard started.</p>;
  return (
    <div
      class="stderr"
      ref={box}
      tabIndex={0}
      role="log"
      aria-label="Lines on stderr"
      onScroll={({ currentTarget: { scrollTop, scrollHeight, clientHeight } }) => {
        follows.current = scrollTop + clientHeight > scrollHeight - 20;
      }}
    >
      {lines.map(({ nr, time, pid, line }) => (
        <p key={nr}>
          <time title={exactly(time)}>{clock(time)}</time>
          <span class="pid">{pid}</span>
          <span>{line}</span>
        </p>
      ))}
    </div>
  );
}
