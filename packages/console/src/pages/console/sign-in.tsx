import type { JSX } from 'preact';
import { useEffect, useId, useRef, useState } from 'preact/hooks';
import { typed } from '../common/form-text.ts';
import mark from '../common/mark.svg';
import type { Page } from './page.ts';

export function Reaching(): JSX.Element {
  return (
    <main class="door">
      <img class="mark" src={mark} alt="" />
      <p class="hint" role="status">
        Connecting…
      </p>
    </main>
  );
}

export function SignIn({ page }: { readonly page: Page }): JSX.Element {
  const id = useId();
  const [checking, setChecking] = useState(false);
  const first = useRef<HTMLInputElement>(null);
  useEffect(() => first.current?.focus(), []);
  const submit = (event: SubmitEvent): void => {
    event.preventDefault();
    setChecking(true);
    void page.signIn(typed(event.currentTarget, 'key')).finally(() => setChecking(false));
  };
  return (
    <main class="door">
      <img class="mark" src={mark} alt="" />
      <h1>Switchboard console</h1>
      {page.wrong !== undefined && (
        <p class="banner bad" role="alert">
          {page.wrong}
        </p>
      )}
      <section class="card">
        <h2>On the machine of this Switchboard</h2>
        <p>Run this command, and open the link that it prints. The link signs you in once.</p>
        <pre>
          <code>switchboard console</code>
        </pre>
      </section>
      <form class="form card" onSubmit={submit}>
        <h2>With a key</h2>
        <div class="row">
          <label for={id}>API key or token with the role operator, auditor or viewer</label>
          <input id={id} name="key" type="password" autocomplete="off" spellcheck={false} required ref={first} />
        </div>
        <button type="submit" class="primary" disabled={checking}>
          {checking ? 'Checking…' : 'Sign in'}
        </button>
      </form>
    </main>
  );
}
