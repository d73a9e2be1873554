import type { JSX } from 'preact';
import { useState } from 'preact/hooks';
import { Confirm, Dialog } from '../common/dialog.tsx';
import { typed } from '../common/form-text.ts';
import { Icon } from '../common/icon.tsx';
import { Menu } from '../common/menu.tsx';
import type { Conversation } from './conversation.ts';
import { People, RoomDialog } from './room.tsx';
import { useSecondsUntil } from './seconds.ts';
import { isReady, type ChatState, type Ending } from './state.ts';
import { ToolsDialog } from './tools-dialog.tsx';

const ENDINGS: Readonly<Record<Ending, string>> = {
  elsewhere: 'This conversation goes on in another window.',
  idle: 'Nothing was said for a long time, so the server ended this conversation.',
  goodbye: 'You ended this conversation.',
};

/** Whether the server is there. Says nothing as long as all is well. */
function LinkState({ state, onRetry }: { readonly state: ChatState; onRetry(): void }): JSX.Element | null {
  const seconds = useSecondsUntil(state.retryAt);
  if (state.link === 'open') return null;
  const text =
    state.link === 'connecting'
      ? 'Connecting…'
      : state.link === 'waiting'
        ? `No connection. Next attempt in ${seconds} s. What you write is kept.`
        : ENDINGS[state.ending ?? 'goodbye'];
  return (
    <div class="banner link-state">
      <span>{text}</span>
      {state.link !== 'connecting' && (
        <button type="button" class="inline" onClick={onRetry}>
          {state.link === 'waiting' ? 'Try now' : state.ending === 'elsewhere' ? 'Use it here' : 'Begin again'}
        </button>
      )}
    </div>
  );
}

export interface HeaderProps {
  readonly title: string;
  readonly conversation: Conversation;
  onMenu(): void;
  onRename(name: string): void;
  onRemove(): void;
}

type Shown = 'room' | 'tools' | 'rename' | 'clear' | 'remove' | undefined;

export function Header({ title, conversation, onMenu, onRename, onRemove }: HeaderProps): JSX.Element {
  const [shown, show] = useState<Shown>();
  const { state } = conversation;
  const { room } = state;
  const offline = !isReady(state);
  const close = (): void => show(undefined);
  return (
    <>
      <header class="header">
        <button
          type="button"
          class="quiet narrow-only"
          aria-label="Conversations"
          title="Conversations"
          onClick={onMenu}
        >
          <Icon name="menu" />
        </button>
        <div class="header-title">
          <h1 dir="auto">{room?.name ?? (title || 'New conversation')}</h1>
          {state.model !== undefined && <span class="model">Model: {state.model}</span>}
        </div>
        {room !== undefined && <People room={room} />}
        <button
          type="button"
          class="quiet"
          aria-label="Room"
          title={room === undefined ? 'Talk with others' : 'Room'}
          disabled={offline}
          onClick={() => show('room')}
        >
          <Icon name="people" /> <span class="word">Room</span>
        </button>
        <button type="button" class="quiet" aria-label="Tools" title="Tools" onClick={() => show('tools')}>
          <Icon name="tool" /> <span class="word">Tools</span>
        </button>
        <Menu
          label="More"
          icon="more"
          items={[
            { icon: 'edit', label: 'Rename', disabled: room !== undefined, onChoose: () => show('rename') },
            {
              icon: 'download',
              label: 'Export as Markdown',
              disabled: offline,
              onChoose: () => conversation.export('markdown'),
            },
            {
              icon: 'download',
              label: 'Export as JSON',
              disabled: offline,
              onChoose: () => conversation.export('json'),
            },
            { icon: 'edit', label: 'Clear', disabled: offline, onChoose: () => show('clear') },
            { icon: 'trash', label: 'Delete', onChoose: () => show('remove') },
          ]}
        />
      </header>
      <LinkState state={state} onRetry={conversation.retry} />
      {shown === 'room' && <RoomDialog conversation={conversation} onClose={close} />}
      {shown === 'tools' && <ToolsDialog tools={state.tools} onClose={close} />}
      {shown === 'rename' && (
        <Dialog title="Rename the conversation" onClose={close}>
          <form
            class="form"
            onSubmit={(event) => {
              event.preventDefault();
              onRename(typed(event.currentTarget, 'name'));
              close();
            }}
          >
            <div class="row">
              <label for="conversation-name">Name</label>
              <input id="conversation-name" name="name" maxLength={60} dir="auto" defaultValue={title} />
            </div>
            <div class="buttons">
              <button type="submit" class="primary">
                Rename
              </button>
            </div>
          </form>
        </Dialog>
      )}
      {shown === 'clear' && (
        <Confirm
          title="Clear the conversation?"
          text={
            room === undefined
              ? 'What was said is forgotten, here and by the assistant.'
              : 'What was said is forgotten, for everybody in the room.'
          }
          action="Clear"
          onConfirm={() => conversation.clear()}
          onClose={close}
        />
      )}
      {shown === 'remove' && (
        <Confirm
          title="Delete the conversation?"
          text="It disappears from this page. What still runs in it is stopped."
          action="Delete"
          onConfirm={onRemove}
          onClose={close}
        />
      )}
    </>
  );
}
