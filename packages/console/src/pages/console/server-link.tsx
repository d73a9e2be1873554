import type { JSX } from 'preact';
import { Link } from './link.tsx';
import type { Page } from './page.ts';

/** A link to a server by its name, or to all of them, which as one are called `*`. */
export function ServerLink({ page, name }: { readonly page: Page; readonly name: string }): JSX.Element {
  const isAll = name === '*';
  return (
    <Link page={page} view="servers" params={isAll ? {} : { id: name }}>
      {isAll ? 'all of them as one' : name}
    </Link>
  );
}
