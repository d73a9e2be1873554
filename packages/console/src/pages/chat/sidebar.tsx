import type { JSX } from 'preact';
import { Icon } from '../common/icon.tsx';
import mark from '../common/mark.svg';
import { ThemeChoice } from '../common/theme-choice.tsx';
import { useState } from 'preact/hooks';
import { isUnread, type Conversations, type Listed } from './conversations.ts';
import { runningTurn } from './items.ts';

function Line({ one, active, onSelect }: { one: Listed; active: boolean; onSelect(): void }): JSX.Element {
  const state = one.conversation?.state;
  const note =
    (state?.asks.length ?? 0) > 0
      ? 'Waits for you'
      : runningTurn(state?.items ?? []) !== undefined
        ? 'Answers…'
        : isUnread(one)
          ? 'New'
          : one.draft === ''
            ? undefined
            : 'Draft';
  const name = state?.room?.name ?? one.name ?? (one.title || 'New conversation');
  return (
    <li>
      <button type="button" class="line" aria-current={active ? 'page' : undefined} onClick={onSelect}>
        {state?.room !== undefined && <Icon name="people" />}
        <span class="line-title" dir="auto">
          {name}
        </span>
        {!active && note !== undefined && <span class="note">{note}</span>}
      </button>
    </li>
  );
}

export interface SidebarProps {
  readonly conversations: Conversations;
  /** On a narrow page: whether it is drawn over the conversation. */
  readonly open: boolean;
  onClose(): void;
}

export function Sidebar({ conversations, open, onClose }: SidebarProps): JSX.Element {
  const { active, credentials, token } = conversations;
  const [words, search] = useState('');
  const list = conversations.found(words);
  const then = (act: () => void) => () => {
    act();
    onClose();
    document.querySelector<HTMLElement>('#say')?.focus();
  };
  return (
    <>
      {open && <button type="button" class="shade" aria-label="Close the list" onClick={onClose} />}
      <nav
        class="sidebar"
        aria-label="Conversations"
        onKeyDown={(event) => {
          if (open && event.key === 'Escape') onClose();
        }}
      >
        <header>
          <img class="mark" src={mark} alt="" />
          <strong>Switchboard</strong>
        </header>
        <button type="button" class="new" onClick={then(() => conversations.add())}>
          <Icon name="plus" /> New conversation
        </button>
        <input
          class="search"
          type="search"
          aria-label="Search conversations"
          placeholder="Search"
          dir="auto"
          value={words}
          onInput={({ currentTarget }) => search(currentTarget.value)}
        />
        {list.length === 0 && <p class="hint">Nothing found.</p>}
        <ul class="lines">
          {list.map((one) => (
            <Line
              key={one.key}
              one={one}
              active={one.key === active}
              onSelect={then(() => conversations.select(one.key))}
            />
          ))}
        </ul>
        <footer>
          <ThemeChoice />
          {(credentials !== undefined || token !== undefined) && (
            <button type="button" class="quiet wide" onClick={() => conversations.signOut()}>
              Sign out
            </button>
          )}
        </footer>
      </nav>
    </>
  );
}
