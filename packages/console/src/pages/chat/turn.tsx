import { Fragment, type ComponentChildren, type JSX } from 'preact';
import { CopyButton } from '../common/copy-button.tsx';
import { Icon } from '../common/icon.tsx';
import { Prose } from '../common/prose.tsx';
import { textOf, type Turn } from './items.ts';
import { Tool } from './tool.tsx';
import type { Stopped } from './wire.ts';

const ENDINGS: Readonly<Record<Stopped, string | undefined>> = {
  done: undefined,
  cancelled: 'Stopped.',
  steps: 'Stopped here, because so many tools were used.',
  length: 'Cut off here, because the answer became too long.',
  failed: 'The answer broke off.',
  interrupted: 'The server was restarted during the answer. Ask again.',
};

export interface TurnProps {
  readonly turn: Turn;
  /** What to answer beside a call, where it waits for the person. */
  readonly cards: ReadonlyMap<string, ComponentChildren>;
  readonly inRoom: boolean;
  /** Asks the same again, if that can be done. */
  readonly onAgain: (() => void) | undefined;
}

/** What the assistant did and said. */
export function TurnView({ turn, cards, inRoom, onAgain }: TurnProps): JSX.Element {
  const { parts, stopped, usage, error } = turn;
  const runs = stopped === undefined;
  const last = parts.at(-1);
  const silent = runs && (last === undefined || (last.kind === 'call' && last.result !== undefined));
  const text = textOf(parts);
  const ending = error ?? (stopped && ENDINGS[stopped]);
  return (
    <article class={runs ? 'turn runs' : 'turn'} aria-label="Assistant" aria-busy={runs}>
      {parts.map((part, index) =>
        part.kind === 'text' ? (
          <Prose key={index} text={part.text} />
        ) : (
          <Fragment key={part.call}>
            <Tool call={part} waits={cards.has(part.call)} withBy={inRoom} ended={!runs} />
            {cards.get(part.call)}
          </Fragment>
        ),
      )}
      {silent && (
        <p class="thinking" aria-hidden="true">
          <i />
          <i />
          <i />
        </p>
      )}
      {ending !== undefined && (
        <p class={error === undefined && stopped !== 'failed' ? 'ending' : 'ending bad'}>{ending}</p>
      )}
      {!runs && (
        <footer class="actions">
          {text !== '' && <CopyButton label="Copy the answer" text={() => text} />}
          {onAgain !== undefined && (
            <button type="button" class="quiet" aria-label="Ask again" title="Ask again" onClick={onAgain}>
              <Icon name="retry" /> Ask again
            </button>
          )}
          {usage !== undefined && (
            <span class="usage" title={`${usage.input_tokens} read, ${usage.output_tokens} written`}>
              {(usage.input_tokens + usage.output_tokens).toLocaleString()} tokens
            </span>
          )}
        </footer>
      )}
    </article>
  );
}
