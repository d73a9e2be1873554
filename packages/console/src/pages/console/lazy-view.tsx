import type { JSX } from 'preact';
import { useEffect, useState } from 'preact/hooks';
import type { Page } from './page.ts';

type Content = (props: { readonly page: Page }) => JSX.Element;

/** A view whose code is loaded when somebody first opens it. */
export function lazyView(load: () => Promise<Content>): Content {
  let loaded: Content | undefined;
  return function LazyView({ page }) {
    const [wrong, setWrong] = useState<string>();
    const [, draw] = useState(0);
    useEffect(() => {
      if (loaded !== undefined) return;
      load().then(
        (content) => {
          loaded = content;
          draw((drawn) => drawn + 1);
        },
        (error: Error) => setWrong(error.message),
      );
    }, []);
    if (loaded !== undefined) return loaded({ page });
    if (wrong === undefined) return <p class="empty">Loading…</p>;
    return (
      <div class="banner bad" role="alert">
        <p>The view could not be loaded: {wrong}. Switchboard may have another version by now.</p>
        <button type="button" onClick={() => location.reload()}>
          Load the page again
        </button>
      </div>
    );
  };
}
