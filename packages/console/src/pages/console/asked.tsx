import type { JSX } from 'preact';
import { useEffect, useState } from 'preact/hooks';
import { Refusal } from './api.ts';
import type { Page } from './page.ts';

/** What a view asks for beside the stream. */
export interface Asked<Answer> {
  readonly answer: Answer | undefined;
  /** Why there is no newer answer. */
  readonly wrong: string | undefined;
  /** Whether nothing answered, so that to ask again may help. */
  readonly isUnreachable: boolean;
  again(): void;
}

interface Found<Answer> {
  /** The question. */
  readonly of?: string;
  readonly answer?: Answer;
  readonly error?: Error;
}

/**
 * Asks again when the page is live again after nothing had answered, and on demand.
 *
 * @param of the question; there is never the answer of another one. Nothing is asked while it is undefined.
 * @param since what the answer depends on beside it. When that changes it is asked again, and the answer before is there meanwhile.
 */
export function useAsked<Answer>(
  page: Page,
  of: string | undefined,
  get: () => Promise<Answer>,
  since?: unknown,
): Asked<Answer> {
  const [found, setFound] = useState<Found<Answer>>({});
  const [round, setRound] = useState(0);
  const again = (): void => setRound((before) => before + 1);
  useEffect(() => {
    if (of === undefined) return undefined;
    let over = false;
    get().then(
      (answer) => over || setFound({ of, answer }),
      (error: Error) => {
        if (!over && !page.isOver(error)) setFound((before) => ({ ...(before.of === of && before), of, error }));
      },
    );
    return () => {
      over = true;
    };
  }, [of, since, round]);
  const { answer, error } = found.of === of ? found : {};
  const isUnreachable = error instanceof Refusal && error.status === 0;
  const isLive = page.live?.link === 'live';
  useEffect(() => {
    if (isLive && isUnreachable) again();
  }, [isLive]);
  return { answer, wrong: error?.message, isUnreachable, again };
}

/** Why there is nothing new, and what to do; nothing where all is well. */
export function Failed({ asked }: { readonly asked: Asked<unknown> }): JSX.Element | null {
  const { wrong, isUnreachable, again } = asked;
  if (wrong === undefined) return null;
  if (!isUnreachable) {
    return (
      <p class="empty" role="alert">
        {wrong}
      </p>
    );
  }
  return (
    <p class="banner bad" role="alert">
      {wrong} Retrying automatically.{' '}
      <button type="button" class="inline" onClick={again}>
        Try now
      </button>
    </p>
  );
}
