import type { JSX } from 'preact';
import { useEffect, useLayoutEffect, useRef, useState } from 'preact/hooks';
import { isComposing } from '../common/composing.ts';
import { Confirm } from '../common/dialog.tsx';
import { Icon } from '../common/icon.tsx';
import type { Conversation } from './conversation.ts';
import { runningTurn, type Said } from './items.ts';
import { typingText } from './room.tsx';

/** A server takes messages up to 256 KiB; this many characters are less in any script. */
const LONGEST = 60_000;

/** What the server takes for a command when it is all of a message, and what to ask before. */
const COMMANDS: ReadonlyMap<string, { readonly title: string; readonly text: string; readonly action: string }> =
  new Map([
    [
      'clear',
      {
        title: 'Clear the conversation?',
        text: 'This word is a command: the conversation is forgotten, here and on the server.',
        action: 'Clear',
      },
    ],
    [
      'quit',
      {
        title: 'End the conversation?',
        text: 'This word is a command: the server ends this conversation, and stops what still runs in it.',
        action: 'End it',
      },
    ],
  ]);

export interface ComposerProps {
  readonly conversation: Conversation;
  /** A text to begin with: a new one each time that something is to be edited. */
  readonly draft: { readonly text: string };
  /** What was written here before. */
  readonly kept: string;
  /** Takes what is written, to keep it. */
  onText(text: string): void;
}

/** Where one writes. Enter sends, Shift and Enter begins a line, Escape stops the answer, the arrow up takes the last text again. */
export function Composer({ conversation, draft, kept, onText }: ComposerProps): JSX.Element {
  const { state } = conversation;
  const { room, mention } = state;
  const [text, setText] = useState(kept);
  const [asks, setAsks] = useState(false);
  const area = useRef<HTMLTextAreaElement>(null);
  const command = COMMANDS.get(text.trim().toLowerCase());
  const isTooLong = text.length > LONGEST;
  const canSend = text.trim() !== '' && !isTooLong;
  const runs = runningTurn(state.items) !== undefined && state.link === 'open';

  const write = (next: string): void => {
    setText(next);
    area.current?.focus();
  };
  // On a phone the keyboard would cover the page at once.
  useEffect(() => {
    if (matchMedia('(hover: hover)').matches) area.current?.focus();
  }, []);
  useLayoutEffect(() => onText(text), [text]);
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
      if (event.key !== 'Escape' || event.defaultPrevented || isComposing(event)) return;
      if (document.querySelector('dialog[open]') === null) conversation.stop();
    };
    document.addEventListener('keydown', onKeyDown);
    return () => document.removeEventListener('keydown', onKeyDown);
  }, [runs, conversation]);

  const say = (): void => {
    conversation.say(text.trim());
    write('');
  };
  const send = (): void => {
    if (!canSend) return;
    if (command === undefined) say();
    else setAsks(true);
  };
  const onKeyDown = (event: KeyboardEvent): void => {
    if (isComposing(event)) return;
    if (event.key === 'Enter' && !event.shiftKey) {
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
      {isTooLong && (
        <p class="too-long" id="too-long" role="alert">
          {text.length.toLocaleString()} characters: a message has {LONGEST.toLocaleString()} at most. Shorten it to
          send it.
        </p>
      )}
      <div class="composer-box">
        <label class="hidden" for="say">
          Message
        </label>
        <textarea
          id="say"
          ref={area}
          rows={1}
          dir="auto"
          aria-invalid={isTooLong}
          aria-describedby={isTooLong ? 'too-long' : undefined}
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
          <button type="submit" class="round primary" aria-label="Send" title="Send (Enter)" disabled={!canSend}>
            <Icon name="send" />
          </button>
        )}
      </div>
      {asks && command !== undefined && <Confirm {...command} onConfirm={say} onClose={() => setAsks(false)} />}
    </form>
  );
}
