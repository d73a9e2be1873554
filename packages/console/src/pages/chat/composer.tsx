import type { JSX } from 'preact';
import { useEffect, useLayoutEffect, useRef, useState } from 'preact/hooks';
import { Icon } from '../common/icon.tsx';
import type { Conversation } from './conversation.ts';
import { runningTurn, type Said } from './items.ts';
import { typingText } from './room.tsx';

/** A server takes messages up to 256 KiB; this many characters are less in any script. */
const LONGEST = 60_000;

export interface ComposerProps {
  readonly conversation: Conversation;
  /** A text to begin with: a new one each time that something is to be edited. */
  readonly draft: { readonly text: string };
}

/** Where one writes. Enter sends, Shift and Enter begins a line, Escape stops the answer, the arrow up takes the last text again. */
export function Composer({ conversation, draft }: ComposerProps): JSX.Element {
  const { state } = conversation;
  const { room, mention } = state;
  const [text, setText] = useState('');
  const area = useRef<HTMLTextAreaElement>(null);
  const runs = runningTurn(state.items) !== undefined && state.link === 'open';

  const write = (next: string): void => {
    setText(next);
    area.current?.focus();
  };
  // On a phone the keyboard would cover the page at once.
  useEffect(() => {
    if (matchMedia('(hover: hover)').matches) area.current?.focus();
  }, []);
  useEffect(() => {
    if (draft.text !== '') write(draft.text);
  }, [draft]);
  // As high as its text, up to what the style sheet allows.
  useLayoutEffect(() => {
    const { current } = area;
    if (current === null) return;
    current.style.height = 'auto';
    current.style.height = `${current.scrollHeight}px`;
  }, [text]);
  // Escape stops wherever the focus is, unless it closes something; from the moment in which the answer can be seen, which an effect
  // that waits for the next frame would miss.
  useLayoutEffect(() => {
    if (!runs) return undefined;
    const onKeyDown = (event: KeyboardEvent): void => {
      if (event.key === 'Escape' && !event.defaultPrevented && document.querySelector('dialog[open]') === null) {
        conversation.stop();
      }
    };
    document.addEventListener('keydown', onKeyDown);
    return () => document.removeEventListener('keydown', onKeyDown);
  }, [runs, conversation]);

  const send = (): void => {
    if (text.trim() === '') return;
    conversation.say(text.trim());
    write('');
  };
  const onKeyDown = (event: KeyboardEvent): void => {
    // An input method uses Enter for itself.
    if (event.key === 'Enter' && !event.shiftKey && !event.isComposing) {
      event.preventDefault();
      send();
    }
    if (event.key === 'ArrowUp' && text === '') {
      const mine = (item: Said): boolean => room === undefined || item.from === room.me;
      const last = [...state.past, ...state.items].findLast((item): item is Said => item.kind === 'said' && mine(item));
      if (last === undefined) return;
      event.preventDefault();
      write(last.text);
    }
  };
  const typing = room === undefined ? '' : typingText(room);
  const placeholder = room === undefined ? 'Ask something' : `Write to the room, or call @${mention}`;
  return (
    <form
      class="composer"
      onSubmit={(event) => {
        event.preventDefault();
        send();
      }}
    >
      <p class="typing" aria-live="polite">
        {typing}
      </p>
      <div class="composer-box">
        <label class="hidden" for="say">
          Message
        </label>
        <textarea
          id="say"
          ref={area}
          rows={1}
          maxLength={LONGEST}
          placeholder={placeholder}
          value={text}
          enterkeyhint="send"
          onInput={({ currentTarget }) => {
            setText(currentTarget.value);
            conversation.typing();
          }}
          onKeyDown={onKeyDown}
        />
        {runs && (
          <button
            type="button"
            class="round"
            aria-label="Stop the answer"
            title="Stop (Esc)"
            onClick={() => conversation.stop()}
          >
            <Icon name="stop" />
          </button>
        )}
        {(!runs || text.trim() !== '') && (
          <button
            type="submit"
            class="round primary"
            aria-label="Send"
            title="Send (Enter)"
            disabled={text.trim() === ''}
          >
            <Icon name="send" />
          </button>
        )}
      </div>
    </form>
  );
}
