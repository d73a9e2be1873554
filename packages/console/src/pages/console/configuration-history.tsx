import type { JSX } from 'preact';
import { useState } from 'preact/hooks';
import { Ask } from './ask.tsx';
import { Difference } from './difference.tsx';
import type { ConfigurationFile, Reloaded } from './facts.ts';
import { MAX_REVISIONS } from './limits.ts';
import type { Page } from './page.ts';
import { describeReload } from './reloaded.ts';
import { age, counted, exactly } from './words.ts';

/** What operators have changed since the start, and the way back. */
export function History({
  page,
  file,
}: {
  readonly page: Page;
  readonly file: ConfigurationFile | undefined;
}): JSX.Element | null {
  const [undoing, setUndoing] = useState(false);
  if (file === undefined) return null;
  const { revisions, path } = file;
  const now = Date.now() + page.live!.state.clockSkewMs;
  const newest = revisions.find(({ undone }) => !undone);
  return (
    <details class="blocks">
      <summary>
        {revisions.length === 0
          ? `Nobody has changed ${path} from here since the start`
          : `${revisions.length >= MAX_REVISIONS ? 'The last ' : ''}${counted(revisions.length, 'change')} of ${path} from here`}
      </summary>
      <ol class="revisions">
        {revisions.map((revision) => {
          const { id, time, operator, differences, undone } = revision;
          return (
            <li key={id}>
              <p>
                <strong>{operator}</strong> <time title={exactly(time)}>{age(now - time)} ago</time>
                {undone && <span class="hint"> taken back</span>}
                {revision === newest && page.mayAct && (
                  <button type="button" onClick={() => setUndoing(true)}>
                    Undo…
                  </button>
                )}
              </p>
              {differences.map((each) => (
                <Difference key={each.what} {...each} />
              ))}
            </li>
          );
        })}
      </ol>
      {undoing && newest !== undefined && (
        <Ask
          title="Take back the newest change"
          action="Undo"
          onClose={() => setUndoing(false)}
          onDo={() => void page.act<Reloaded>('undoConfiguration', {}, describeReload)}
        >
          <p>The file is again as it was before {newest.operator} changed it, and is read again.</p>
          {newest.differences.map(({ what, before, after }) => (
            <Difference key={what} what={what} before={after} after={before} />
          ))}
        </Ask>
      )}
    </details>
  );
}
