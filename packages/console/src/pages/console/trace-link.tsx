import type { JSX } from 'preact';
import { CopyButton } from '../common/copy-button.tsx';

/** The address of a trace; undefined where nothing says where traces are shown, or it is none that a page may lead to. */
export function traceAddress(template: string | undefined, trace: string): string | undefined {
  const address = template?.replaceAll('{traceId}', encodeURIComponent(trace));
  return address !== undefined && /^https?:\/\//i.test(address) ? address : undefined;
}

/** The id of a trace, and the way to it in the trace system. */
export function TraceLink({
  template,
  trace,
}: {
  readonly template: string | undefined;
  readonly trace: string;
}): JSX.Element {
  const address = traceAddress(template, trace);
  return (
    <>
      {address === undefined ? (
        <code>{trace}</code>
      ) : (
        <a href={address} target="_blank" rel="noreferrer" title="Show it in the trace system">
          <code>{trace}</code>
        </a>
      )}{' '}
      <CopyButton label="Copy the trace’s id" text={() => trace} />
    </>
  );
}
