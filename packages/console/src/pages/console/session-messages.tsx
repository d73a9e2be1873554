import type { JSX } from 'preact';
import type { Session, SessionMessage } from './facts.ts';
import { Link } from './link.tsx';
import type { Page } from './page.ts';
import { StateMark } from './state-mark.tsx';
import { clock, exactly, size } from './words.ts';

/** Whether another node has it, which alone knows its calls and messages. */
export function isElsewhere(page: Page, { node }: Session): boolean {
  const own = page.live!.state.status?.nodes?.find(({ self }) => self)?.name;
  return node !== undefined && own !== undefined && node !== own;
}

/** What the stream is asked for: nothing for a client without a session, of which no messages are noted. */
export const messagesTopicOf = (page: Page, session: Session | undefined): readonly string[] =>
  session === undefined || session.key !== undefined || isElsewhere(page, session) ? [] : [`messages:${session.id}`];

/** Names and sizes of what passes; bodies are shown nowhere here. */
export function SessionMessages({ page, session }: { readonly page: Page; readonly session: Session }): JSX.Element {
  if (isElsewhere(page, session)) {
    return (
      <p class="empty">
        Only node {session.node} knows its calls and messages: see{' '}
        <Link page={page} view="nodes">
          Nodes
        </Link>{' '}
        for the address of its console.
      </p>
    );
  }
  const messages = page.live!.state.messages[session.id] ?? [];
  if (messages.length === 0)
    return <p class="empty">None since you opened this: they are noted while somebody looks.</p>;
  return (
    <ol class="calls messages">
      {messages.toReversed().map((message) => (
        <li key={message.nr} title={exactly(message.time)}>
          <span>
            {message.direction === 'in' ? '→' : '←'} <span class="hidden">{DIRECTION[message.direction]} </span>
            {nameOf(message)}
          </span>
          <span>
            {message.kind === 'error' ? <StateMark state="error" /> : <span class="hint">{clock(message.time)}</span>}
          </span>
          <span class="right">{size(message.bytes)}</span>
        </li>
      ))}
    </ol>
  );
}

const DIRECTION = { in: 'From the client:', out: 'To the client:' } as const;

const nameOf = ({ kind, name }: SessionMessage): string =>
  kind === 'result' || kind === 'error' ? `${kind}${name === '' ? '' : ` of ${name}`}` : name;
