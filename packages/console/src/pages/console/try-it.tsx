import type { JSX } from 'preact';
import { useEffect, useMemo, useState } from 'preact/hooks';
import { Arguments } from './arguments.tsx';
import type { Tool } from './facts.ts';
import { Outcome } from './outcome.tsx';
import type { Page } from './page.ts';
import { Trial, type QuestionAnswer } from './trial.ts';

/** A tool, and the role that it is looked at with. */
export interface ToolProps {
  readonly page: Page;
  readonly tool: Tool;
  readonly role: string | undefined;
}

export function TryIt({ page, tool, role }: ToolProps): JSX.Element {
  const [, draw] = useState(0);
  const trial = useMemo(() => new Trial(() => draw((drawn) => drawn + 1)), []);
  useEffect(() => () => trial.cancel(), [trial]);
  const call = (args: Record<string, unknown>): void => void trial.start(tool, args, role);
  const answer = (answers: Readonly<Record<string, QuestionAnswer>>): Promise<void> =>
    trial.answer(answers).catch((error: Error) => {
      if (!page.isOver(error)) page.notify('bad', error.message);
    });
  return (
    <>
      <h3>Try it</h3>
      {tool.annotations?.['destructiveHint'] === true && (
        <p class="banner warn-banner">It says that it may destroy something. The call is real.</p>
      )}
      <Arguments
        tool={tool}
        running={['running', 'asked'].includes(trial.state.state)}
        onCall={call}
        onCancel={() => trial.cancel()}
      />
      {trial.state.state !== 'none' && (
        <Outcome status={page.live?.state.status} trial={trial.state} tool={tool} onAnswer={answer} />
      )}
      <p class="hint">
        Called as {page.me?.name}
        {role === undefined ? ', with every role' : `, with the role ${role}`}; it appears among the requests.
      </p>
    </>
  );
}
