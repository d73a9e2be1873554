import type { JSX } from 'preact';
import { useEffect, useState } from 'preact/hooks';
import { Announcer } from './announcer.tsx';
import { Composer } from './composer.tsx';
import type { Conversations } from './conversations.ts';
import { Header } from './header.tsx';
import { Sidebar } from './sidebar.tsx';
import { Reaching, SignIn } from './sign-in.tsx';
import { Timeline } from './timeline.tsx';

/** Draws at most once in a frame, however fast an answer streams; a page that is not seen is drawn now and then. */
function useConversations(conversations: Conversations): void {
  const [, draw] = useState(0);
  useEffect(() => {
    let due = false;
    const show = (): void => {
      due = false;
      draw((count) => count + 1);
    };
    // Something may have changed since the first drawing, before anybody listened.
    show();
    return conversations.subscribe(() => {
      if (due) return;
      due = true;
      if (document.visibilityState === 'visible') requestAnimationFrame(show);
      else setTimeout(show, 250);
    });
  }, [conversations]);
}

export function App({ conversations }: { readonly conversations: Conversations }): JSX.Element {
  useConversations(conversations);
  const [drawer, setDrawer] = useState(false);
  const [draft, setDraft] = useState<{ readonly text: string }>({ text: '' });
  const { key, conversation, title: said, name, draft: kept } = conversations.current;
  const title = name ?? said;
  const { state } = conversation;
  useEffect(() => {
    const waits = conversations.live.some((one) => one.conversation.state.asks.length > 0);
    document.title = `${waits ? '● ' : ''}${title === '' ? '' : `${title} · `}Chat`;
  });

  if (!state.reached) {
    return <Reaching state={state} onRetry={conversation.retry} onToken={(token) => conversations.useToken(token)} />;
  }
  const isEmpty =
    state.items.length === 0 && state.past.length + state.copy.length === 0 && state.outgoing.length === 0;
  const needsSignIn = state.link === 'open' && state.resuming === undefined && !state.authenticated;
  const signIn = (
    <SignIn
      state={state}
      compact={!isEmpty}
      onSignIn={(credentials) => conversations.signIn(credentials)}
      onToken={(token) => conversations.useToken(token)}
    />
  );
  if (needsSignIn && isEmpty) return signIn;

  return (
    <div class={drawer ? 'page drawn' : 'page'}>
      <Sidebar conversations={conversations} open={drawer} onClose={() => setDrawer(false)} />
      <main class="main">
        <Header
          title={title}
          conversation={conversation}
          onMenu={() => setDrawer(true)}
          onRename={(next) => conversations.rename(key, next)}
          onRemove={() => conversations.remove(key)}
        />
        <Timeline key={key} conversation={conversation} onEdit={(text) => setDraft({ text })} />
        {needsSignIn ? (
          signIn
        ) : (
          <Composer
            key={`composer ${key}`}
            conversation={conversation}
            draft={draft}
            kept={kept}
            onText={(text) => conversations.write(key, text)}
          />
        )}
        <Announcer key={`announcer ${key}`} state={state} />
      </main>
    </div>
  );
}
