import type { JSX } from 'preact';
import { useEffect, useId, useRef, useState } from 'preact/hooks';
import { typed } from '../common/form-text.ts';
import mark from '../common/mark.svg';
import type { Credentials } from './conversation.ts';
import { useSecondsUntil } from './seconds.ts';
import type { ChatState } from './state.ts';

function TokenForm({ onToken }: { onToken(token: string | undefined): void }): JSX.Element {
  const id = useId();
  const submit = (event: SubmitEvent): void => {
    event.preventDefault();
    const token = typed(event.currentTarget, 'token');
    onToken(token === '' ? undefined : token);
  };
  return (
    <form class="form" onSubmit={submit}>
      <div class="row">
        <label for={id}>Access token</label>
        <input id={id} name="token" type="password" autocomplete="off" spellcheck={false} required />
      </div>
      <button type="submit" class="primary">
        Connect
      </button>
    </form>
  );
}

export interface ReachingProps {
  readonly state: ChatState;
  onRetry(): void;
  onToken(token: string | undefined): void;
}

/** Until the server has said something for the first time. It may not be there, or not let anybody in without a token. */
export function Reaching({ state, onRetry, onToken }: ReachingProps): JSX.Element {
  const seconds = useSecondsUntil(state.retryAt);
  const [failed, setFailed] = useState(false);
  if (state.link === 'waiting' && !failed) setFailed(true);
  return (
    <main class="door">
      <img class="mark" src={mark} alt="" />
      {failed ? (
        <>
          <h1>The chat cannot be reached</h1>
          <p role="status">
            {state.link === 'connecting' ? 'Trying again…' : `The next attempt is in ${seconds} s.`}{' '}
            <button type="button" class="inline" onClick={onRetry}>
              Try now
            </button>
          </p>
          <details class="card">
            <summary>The server asks for a token</summary>
            <TokenForm onToken={onToken} />
          </details>
        </>
      ) : (
        <p class="connecting" role="status">
          Connecting…
        </p>
      )}
    </main>
  );
}

export interface SignInProps {
  readonly state: ChatState;
  /** Below a conversation, rather than alone on the page. */
  readonly compact: boolean;
  onSignIn(credentials: Credentials): void;
  onToken(token: string | undefined): void;
}

/** Asks for the credentials that the servers behind the chat need. */
export function SignIn({ state, compact, onSignIn, onToken }: SignInProps): JSX.Element {
  const id = useId();
  const submit = (event: SubmitEvent): void => {
    event.preventDefault();
    const form = event.currentTarget;
    onSignIn({ apiKey: typed(form, 'api-key'), organization: typed(form, 'organization') });
  };
  const wrong = state.signInError;
  const first = useRef<HTMLInputElement>(null);
  useEffect(() => first.current?.focus(), []);
  const form = (
    <form class="form card" onSubmit={submit}>
      {wrong !== undefined && (
        <p class="banner bad" id={`${id}-wrong`} role="alert">
          {wrong}
        </p>
      )}
      <div class="row">
        <label for={`${id}-key`}>API key</label>
        <input
          id={`${id}-key`}
          name="api-key"
          type="password"
          autocomplete="current-password"
          spellcheck={false}
          required
          ref={first}
          aria-describedby={wrong && `${id}-wrong`}
        />
      </div>
      <div class="row">
        <label for={`${id}-organization`}>Organization</label>
        <input id={`${id}-organization`} name="organization" autocomplete="organization" spellcheck={false} required />
      </div>
      <button type="submit" class="primary" disabled={state.checking}>
        {state.checking ? 'Checking…' : 'Sign in'}
      </button>
      <p class="hint">Kept in the memory of this page until you close it or sign out.</p>
    </form>
  );
  if (compact) return <section class="door compact">{form}</section>;
  return (
    <main class="door">
      <img class="mark" src={mark} alt="" />
      <h1>Sign in to chat</h1>
      <p>The assistant works with your account, and with your rights.</p>
      {form}
      <details class="other-way">
        <summary>Use a token instead</summary>
        <TokenForm onToken={onToken} />
      </details>
    </main>
  );
}
