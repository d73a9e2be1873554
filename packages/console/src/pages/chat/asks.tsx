import type { JSX } from 'preact';
import { useEffect, useRef } from 'preact/hooks';
import { Boundary } from '../common/boundary.tsx';
import { Form } from '../common/form.tsx';
import { Code } from '../common/prose.tsx';
import { useSecondsUntil } from './seconds.ts';
import type { Conversation } from './conversation.ts';
import type { Ask } from './state.ts';
import type { ApprovalRequest, Question } from './wire.ts';

interface CardProps<T> {
  readonly request: T;
  readonly conversation: Conversation;
}

/** How long there is to answer. */
function TimeLeft({ until }: { readonly until: string | undefined }): JSX.Element | null {
  const moment = Date.parse(until ?? '');
  const seconds = useSecondsUntil(Number.isNaN(moment) ? undefined : moment);
  if (Number.isNaN(moment)) return null;
  const clock = `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, '0')}`;
  return (
    <p class="time-left" role="timer">
      {seconds === 0 ? 'The time to answer is over.' : `${clock} left to answer`}
    </p>
  );
}

function Approval({ request, conversation }: CardProps<ApprovalRequest>): JSX.Element {
  const { approval, name, server, title, message } = request;
  const hasArguments = Object.keys(request.arguments).length > 0;
  return (
    <>
      <h3>
        Allow “{title ?? name}” of {server}?
      </h3>
      <p dir="auto">{message}</p>
      {hasArguments && <Code code={JSON.stringify(request.arguments, null, 2)} language="json" />}
      <div class="buttons">
        <button type="button" class="primary" onClick={() => conversation.approve(approval, true)}>
          Allow once
        </button>
        <button type="button" onClick={() => conversation.approve(approval, false)}>
          Refuse
        </button>
      </div>
    </>
  );
}

/** The address if it may be opened: of the web, and complete. */
function webAddress(text: string): URL | undefined {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  return url?.protocol === 'https:' || url?.protocol === 'http:' ? url : undefined;
}

/** A page that a tool wants to be opened. Where it leads is shown whole, its host above all. */
function PageRequest({ request, conversation }: CardProps<Question & { readonly url: string }>): JSX.Element {
  const { question, url } = request;
  const address = webAddress(url);
  return (
    <>
      {address === undefined ? (
        <p class="address">This cannot be opened: {url}</p>
      ) : (
        <p class="address">
          {address.protocol}//<strong>{address.host}</strong>
          {address.pathname}
          {address.search}
          {address.hash}
        </p>
      )}
      {address?.protocol === 'http:' && <p class="hint">The way there is not encrypted.</p>}
      <div class="buttons">
        {address !== undefined && (
          <a
            class="button primary"
            href={address.href}
            target="_blank"
            rel="noopener noreferrer"
            onClick={() => conversation.answer(question, 'accept')}
          >
            Open {address.host}
          </a>
        )}
        <button type="button" onClick={() => conversation.answer(question, 'decline')}>
          Decline
        </button>
      </div>
    </>
  );
}

function Questioned({ request, conversation }: CardProps<Question>): JSX.Element {
  const { question, server, message, schema, url } = request;
  return (
    <>
      <h3>{server} asks</h3>
      <p dir="auto">{message}</p>
      {url !== undefined ? (
        <PageRequest request={{ ...request, url }} conversation={conversation} />
      ) : (
        <Form
          schema={schema ?? {}}
          send="Send"
          onContent={(content) => conversation.answer(question, 'accept', content)}
          buttons={
            <>
              <button type="button" onClick={() => conversation.answer(question, 'decline')}>
                Decline
              </button>
              <button type="button" class="quiet wide" onClick={() => conversation.answer(question, 'cancel')}>
                Cancel
              </button>
            </>
          }
        >
          <p class="hint">What you enter goes to {server}, not to the assistant.</p>
        </Form>
      )}
    </>
  );
}

/** Something that waits for the person: a question of a tool, or a tool that needs to be allowed. */
export function Card({ ask, conversation }: { readonly ask: Ask; readonly conversation: Conversation }): JSX.Element {
  const { request, answered } = ask;
  const label = request.type === 'question' ? 'Question' : 'Approval';
  const card = useRef<HTMLElement>(null);
  // The page follows its end: of a question that is higher than the page the beginning is what to see first.
  useEffect(() => {
    const { current } = card;
    const room = current?.closest('.timeline')?.clientHeight ?? 0;
    if (current !== null && current.offsetHeight > room) current.scrollIntoView({ block: 'start' });
  }, []);
  return (
    <section class="ask" aria-label={label} ref={card}>
      <fieldset disabled={answered}>
        {request.type === 'question' ? (
          <Boundary
            what="The question"
            of={request.question}
            onGoOn={() => conversation.answer(request.question, 'cancel')}
          >
            <Questioned request={request} conversation={conversation} />
          </Boundary>
        ) : (
          <Approval request={request} conversation={conversation} />
        )}
        <TimeLeft until={request.expires_at} />
      </fieldset>
    </section>
  );
}
