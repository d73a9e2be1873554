import type { JSX } from 'preact';
import { useState } from 'preact/hooks';
import { CopyButton } from '../common/copy-button.tsx';
import { Dialog } from '../common/dialog.tsx';
import { typed } from '../common/form-text.ts';
import { Menu } from '../common/menu.tsx';
import { Ask, Field } from './ask.tsx';
import type { Reloaded } from './facts.ts';
import type { Page } from './page.ts';
import { describeReload } from './reloaded.ts';
import { counted } from './words.ts';

type Doing = 'broadcast' | 'reload' | 'drain' | 'link';

/** A message to clients, as a log message of MCP, which they show. */
export const messageOf = (text: string): object => ({
  method: 'notifications/message',
  params: { level: 'warning', logger: 'switchboard', data: text },
});

/** What concerns a Switchboard as a whole. */
export function Actions({ page }: { readonly page: Page }): JSX.Element | null {
  const [doing, setDoing] = useState<Doing>();
  const [link, setLink] = useState<string>();
  const close = (): void => setDoing(undefined);
  if (page.me?.isReadOnly === true) return <p class="note">This console is read-only</p>;
  if (!page.mayAct) return <p class="note">You may look, and change nothing</p>;
  return (
    <>
      <Menu
        label="Actions"
        icon="more"
        items={[
          { icon: 'send', label: 'Message to clients…', onChoose: () => setDoing('broadcast') },
          { icon: 'retry', label: 'Reload the configuration…', onChoose: () => setDoing('reload') },
          { icon: 'people', label: 'Link for a viewer…', onChoose: () => setDoing('link') },
          { icon: 'stop', label: 'Drain and stop…', onChoose: () => setDoing('drain') },
        ]}
      />
      {doing === 'broadcast' && (
        <Ask
          title="Message to clients"
          action="Send"
          onClose={close}
          onDo={(form) => {
            const to = Object.fromEntries(
              ['principal', 'upstream', 'group'].flatMap((name) => {
                const value = typed(form, name);
                return value === '' ? [] : [[name, value]];
              }),
            );
            void page.act<{ count: number }>(
              'broadcast',
              { body: { ...messageOf(typed(form, 'text')), to } },
              (answer) => `Sent to ${counted(answer.count, 'client')}.`,
            );
          }}
        >
          <p>Every client with a session gets it, unless you name some. Clients decide how they show it.</p>
          <Field label="Text" name="text" required />
          <Field label="Only to this principal" name="principal" />
          <Field label="Only to clients of this server" name="upstream" />
          <Field label="Only to this group" name="group" />
        </Ask>
      )}
      {doing === 'reload' && (
        <Ask
          title="Reload the configuration"
          action="Reload"
          onClose={close}
          onDo={() => void page.act<Reloaded>('reload', {}, describeReload)}
        >
          <p>
            Reads the files again. Servers that changed restart, after their running requests; the others do not notice.
          </p>
        </Ask>
      )}
      {doing === 'drain' && (
        <Ask
          title="Drain and stop"
          action="Drain and stop"
          grave
          onClose={close}
          onDo={(form) => {
            const timeout = typed(form, 'timeout');
            const body = timeout === '' ? {} : { timeout };
            void page.act('drain', { body }, 'Draining: it ends when what is under way has ended.');
          }}
        >
          <p>
            New clients and requests are refused at once. Switchboard ends when the running requests have ended. This
            page cannot start it again.
          </p>
          <Field label="Wait at most" name="timeout" hint="Such as 90s. Without it, the option drainTimeout" />
        </Ask>
      )}
      {doing === 'link' && (
        <Ask
          title="Link for a viewer"
          action="Make a link"
          onClose={close}
          onDo={() => {
            void page
              .act<{ url: string }>('link', { body: { role: 'viewer' } }, 'The link is good once, for 15 minutes.')
              .then((answer) => setLink(answer?.url));
          }}
        >
          <p>Whoever opens it first may look at everything here, and change nothing.</p>
        </Ask>
      )}
      {link !== undefined && (
        <Dialog title="Link for a viewer" onClose={() => setLink(undefined)}>
          <p class="address">{link}</p>
          <div class="buttons">
            <CopyButton label="Copy the link" text={() => link} />
            <button type="button" class="primary" onClick={() => setLink(undefined)}>
              I have it
            </button>
          </div>
        </Dialog>
      )}
    </>
  );
}
