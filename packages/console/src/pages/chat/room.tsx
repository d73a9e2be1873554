import type { JSX } from 'preact';
import { useId } from 'preact/hooks';
import { CopyButton } from '../common/copy-button.tsx';
import { Dialog } from '../common/dialog.tsx';
import { typed } from '../common/form-text.ts';
import type { Conversation } from './conversation.ts';
import type { Room } from './state.ts';

/** So many are shown beside the title; the others are counted. */
const SHOWN = 3;

const initials = (name: string): string =>
  name
    .split(/[\s._-]+/)
    .filter((word) => word !== '')
    .slice(0, 2)
    .map((word) => word.slice(0, word.codePointAt(0)! > 0xffff ? 2 : 1).toUpperCase())
    .join('');

/** One of six colours, always the same for a name. */
const colourOf = (name: string): number =>
  Array.from(name).reduce((sum, letter) => sum + letter.codePointAt(0)!, 0) % 6;

export function Face({ name }: { readonly name: string }): JSX.Element {
  return (
    <span class={`face face-${colourOf(name)}`} aria-hidden="true">
      {initials(name)}
    </span>
  );
}

/** Who is in the room. */
export function People({ room }: { readonly room: Room }): JSX.Element {
  const names = room.people.map(({ name, connected }) => (connected ? name : `${name} (away)`)).join(', ');
  const rest = room.people.length - SHOWN;
  return (
    <div class="people" role="img" aria-label={`In the room: ${names}`} title={names}>
      {room.people.slice(0, SHOWN).map(({ name, connected }) => (
        <span key={name} class={connected ? '' : 'away'}>
          <Face name={name} />
        </span>
      ))}
      {rest > 0 && <span class="face">+{rest}</span>}
    </div>
  );
}

/** Who writes at the moment, but for oneself. */
export function typingText({ people, me }: Room): string {
  const names = people.filter(({ name, typing }) => typing && name !== me).map(({ name }) => name);
  if (names.length === 0) return '';
  if (names.length === 1) return `${names[0]} is typing…`;
  return names.length === 2 ? `${names[0]} and ${names[1]} are typing…` : 'Several people are typing…';
}

export function RoomDialog({ conversation, onClose }: { conversation: Conversation; onClose(): void }): JSX.Element {
  const id = useId();
  const { room } = conversation.state;
  const join = (event: SubmitEvent): void => {
    event.preventDefault();
    const name = typed(event.currentTarget, 'room');
    conversation.join(name === '' ? undefined : name, typed(event.currentTarget, 'me'));
    onClose();
  };
  if (room !== undefined) {
    return (
      <Dialog title={`Room ${room.name}`} onClose={onClose}>
        <ul class="members">
          {room.people.map(({ name, connected }) => (
            <li key={name}>
              <Face name={name} /> {name}
              <span class="note">{name === room.me ? 'you' : connected ? '' : 'away'}</span>
            </li>
          ))}
        </ul>
        <p class="hint">
          Others of your organization come in with the name of the room{' '}
          <CopyButton label="Copy the name" text={() => room.name} />
        </p>
        <div class="buttons">
          <button
            type="button"
            onClick={() => {
              conversation.leave();
              onClose();
            }}
          >
            Leave the room
          </button>
        </div>
      </Dialog>
    );
  }
  return (
    <Dialog title="Talk with others" onClose={onClose}>
      <p>
        In a room, people of one organization share a conversation. The assistant answers when it is called:{' '}
        <code>@{conversation.state.mention}</code>
      </p>
      <form class="form" onSubmit={join}>
        <div class="row">
          <label for={`${id}-me`}>Your name</label>
          <input id={`${id}-me`} name="me" required maxLength={40} autocomplete="nickname" autofocus />
        </div>
        <div class="row">
          <label for={`${id}-room`}>
            Room<span class="optional"> empty for a new one</span>
          </label>
          <input
            id={`${id}-room`}
            name="room"
            pattern="[A-Za-z0-9_\-]{1,64}"
            title="Letters, digits, dashes and underscores"
            autocomplete="off"
            autocapitalize="none"
          />
        </div>
        <div class="buttons">
          <button type="submit" class="primary">
            Go in
          </button>
        </div>
      </form>
    </Dialog>
  );
}
