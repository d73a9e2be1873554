import type { JSX } from 'preact';
import { useEffect, useLayoutEffect, useRef, useState } from 'preact/hooks';
import { CopyButton } from '../common/copy-button.tsx';
import { Icon } from '../common/icon.tsx';
import { Card } from './asks.tsx';
import { earlierAttempts } from './attempts.ts';
import type { Conversation } from './conversation.ts';
import { follows, placeOf, type Place } from './following.ts';
import { examplesOf } from './examples.ts';
import { Face } from './room.tsx';
import { isReady, type Ask, type Outgoing, type Room } from './state.ts';
import { isTurn, runningTurn, type Item, type Said } from './items.ts';
import { TurnView } from './turn.tsx';

const timeOf = (at: string): string =>
  new Date(at).toLocaleTimeString(undefined, { hour: '2-digit', minute: '2-digit' });

/** Of a longer text the beginning is shown first. */
const LONG = { characters: 1_200, lines: 14 };

/** What somebody said. */
function Bubble({ text }: { readonly text: string }): JSX.Element {
  const [whole, showWhole] = useState(false);
  const isLong = text.length > LONG.characters || text.split('\n', LONG.lines + 1).length > LONG.lines;
  return (
    <>
      <p class={isLong && !whole ? 'bubble folded' : 'bubble'} dir="auto">
        {text}
      </p>
      {isLong && (
        <button type="button" class="inline" aria-expanded={whole} onClick={() => showWhole(!whole)}>
          {whole ? 'Show less' : 'Show all of it'}
        </button>
      )}
    </>
  );
}

function SaidView({
  said,
  room,
  onEdit,
}: {
  said: Said;
  room: Room | undefined;
  onEdit(text: string): void;
}): JSX.Element {
  const isMine = room === undefined || said.from === room.me;
  return (
    <article class={isMine ? 'said mine' : 'said'} aria-label={isMine ? 'You' : said.from}>
      {!isMine && (
        <header>
          <Face name={said.from} />
          <strong>{said.from}</strong>
        </header>
      )}
      <Bubble text={said.text} />
      <footer class="actions">
        {said.at !== undefined && <time dateTime={said.at}>{timeOf(said.at)}</time>}
        <CopyButton label="Copy" text={() => said.text} />
        {isMine && (
          <button
            type="button"
            class="quiet"
            aria-label="Edit and send again"
            title="Edit and send again"
            onClick={() => onEdit(said.text)}
          >
            <Icon name="edit" /> Edit
          </button>
        )}
      </footer>
    </article>
  );
}

/** Something that was said and that the server has not confirmed. */
function OutgoingView({ one, conversation }: { one: Outgoing; conversation: Conversation }): JSX.Element {
  const { id, text, state, error } = one;
  const why = isReady(conversation.state) ? 'Sent when the answer is there.' : 'Sent when there is a connection.';
  return (
    <article class={`said mine ${state}`} aria-label="You">
      <Bubble text={text} />
      {state !== 'sent' && (
        <footer class="fate">
          <span class={state === 'refused' ? 'bad' : ''}>{error ?? why}</span>
          {state === 'refused' && (
            <button type="button" class="inline" onClick={() => conversation.again(id)}>
              Try again
            </button>
          )}
          <button type="button" class="inline" onClick={() => conversation.withdraw(id)}>
            {state === 'refused' ? 'Discard' : 'Take back'}
          </button>
        </footer>
      )}
    </article>
  );
}

function Empty({ conversation, onEdit }: Pick<TimelineProps, 'conversation' | 'onEdit'>): JSX.Element {
  const { room, tools, mention } = conversation.state;
  const count = tools?.length ?? 0;
  return (
    <div class="empty">
      <h2>{room === undefined ? 'What can I do for you?' : `Welcome to ${room.name}`}</h2>
      {room === undefined ? (
        <p>{count === 0 ? 'Ask anything.' : `The assistant has ${count} ${count === 1 ? 'tool' : 'tools'} at hand.`}</p>
      ) : (
        <p>
          Write to everybody here, and call the assistant with <code>@{mention}</code>
        </p>
      )}
      {room === undefined && (
        <ul class="examples" aria-label="Examples">
          {examplesOf(tools ?? []).map(({ label, about, text }) => (
            <li key={label}>
              <button type="button" onClick={() => onEdit(text)}>
                <strong>{label}</strong>
                {about !== '' && <span>{about}</span>}
              </button>
            </li>
          ))}
        </ul>
      )}
    </div>
  );
}

/**
 * Keeps the end in view while it is in view, and says whether it is.
 *
 * @param own the last thing that this person said: a new one is shown wherever one was
 */
function useFollowing(own: string | undefined): {
  readonly ref: { current: HTMLDivElement | null };
  readonly away: boolean;
  end(): void;
} {
  const ref = useRef<HTMLDivElement>(null);
  const at = useRef<Place>(undefined);
  const following = useRef(true);
  const [away, setAway] = useState(false);
  const end = (): void => {
    const { current } = ref;
    if (current === null) return;
    current.scrollTo({ top: current.scrollHeight });
    following.current = true;
    at.current = placeOf(current);
  };
  // A person may have scrolled since the page last looked, and the event that says so may come after the drawing.
  const look = (): void => {
    const now = placeOf(ref.current!);
    following.current = follows(following.current, at.current, now);
    at.current = now;
    setAway(!following.current);
  };
  useLayoutEffect(() => {
    look();
    if (following.current) end();
  });
  useLayoutEffect(() => {
    if (own !== undefined) end();
  }, [own]);
  useEffect(() => {
    const box = ref.current;
    if (box === null) return undefined;
    // Images load, boxes unfold, keyboards appear.
    const observer = new ResizeObserver(() => following.current && end());
    observer.observe(box);
    observer.observe(box.firstElementChild!);
    box.addEventListener('scroll', look, { passive: true });
    return () => {
      observer.disconnect();
      box.removeEventListener('scroll', look);
    };
  }, []);
  return { ref, away, end };
}

export interface TimelineProps {
  readonly conversation: Conversation;
  /** Puts a text where one writes. */
  onEdit(text: string): void;
}

export function Timeline({ conversation, onEdit }: TimelineProps): JSX.Element {
  const { state } = conversation;
  const { past, copy, items, outgoing, room, asks } = state;
  const { ref, away, end } = useFollowing(outgoing.at(-1)?.id);
  const all = [...past, ...copy, ...items];
  const calls = new Set(
    items.flatMap((item) => (isTurn(item) ? item.parts : [])).map((part) => part.kind === 'call' && part.call),
  );
  const isBeside = ({ request }: Ask): boolean => request.type === 'approval_request' && calls.has(request.call);
  const cardOf = (ask: Ask): JSX.Element => <Card key={ask.id} ask={ask} conversation={conversation} />;
  const cards = new Map(
    asks.flatMap((ask) => (ask.request.type === 'approval_request' ? [[ask.request.call, cardOf(ask)]] : [])),
  );
  const earlier = earlierAttempts(all);
  const isEmpty = past.length + copy.length + items.length + outgoing.length === 0;
  const lastSaid = items.findLast((item): item is Said => item.kind === 'said');
  const again =
    lastSaid !== undefined && isReady(state) && runningTurn(items) === undefined && outgoing.length === 0
      ? () => conversation.say(lastSaid.text)
      : undefined;
  const view = (item: Item): JSX.Element => {
    if (item.kind === 'said') return <SaidView key={item.key} said={item} room={room} onEdit={onEdit} />;
    if (!isTurn(item)) {
      return (
        <p key={item.key} class={`notice ${item.tone}`}>
          {item.text}
        </p>
      );
    }
    const onAgain = item === items.at(-1) ? again : undefined;
    return <TurnView key={item.key} turn={item} cards={cards} inRoom={room !== undefined} onAgain={onAgain} />;
  };
  return (
    <>
      <div class="timeline" ref={ref} tabIndex={-1}>
        <div class="timeline-content" role="log" aria-live="off" aria-label="Conversation">
          {state.more && (
            <button type="button" class="older" disabled={!isReady(state)} onClick={() => conversation.older()}>
              Show what was said before
            </button>
          )}
          {isEmpty && <Empty conversation={conversation} onEdit={onEdit} />}
          {all.map((item) =>
            earlier.has(item.key) ? (
              <details key={`earlier ${item.key}`} class="earlier">
                <summary>{item.kind === 'said' ? 'Asked before' : 'Answered before'}</summary>
                {view(item)}
              </details>
            ) : (
              view(item)
            ),
          )}
          {outgoing.map((one) => (
            <OutgoingView key={one.id} one={one} conversation={conversation} />
          ))}
          {asks.filter((ask) => !isBeside(ask)).map(cardOf)}
        </div>
      </div>
      {away && (
        <div class="to-end">
          <button type="button" onClick={end}>
            {asks.length > 0 ? 'Your answer is needed' : 'To the latest'}
          </button>
        </div>
      )}
    </>
  );
}
