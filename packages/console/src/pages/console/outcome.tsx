import type { JSX } from 'preact';
import { CopyButton } from '../common/copy-button.tsx';
import type { Tool } from './facts.ts';
import { Questions } from './questions.tsx';
import { StateMark } from './state-mark.tsx';
import { asCommand, asCurl, asSdkCode } from './tool-call.ts';
import type { QuestionAnswer, TrialState } from './trial.ts';
import { duration } from './words.ts';

const FORMS = [
  ['switchboard call', asCommand],
  ['curl', asCurl],
  ['TypeScript', asSdkCode],
] as const;

/** The same call for elsewhere. */
function Copies({ tool, args }: { readonly tool: Tool; readonly args: object }): JSX.Element {
  return (
    <p class="copies">
      <span class="hint">The same call elsewhere:</span>
      {FORMS.map(([name, write]) => (
        <span key={name} class="copy">
          <CopyButton label={`Copy as ${name}`} text={() => write(location.origin, tool, args)} />
          <span class="hint">{name}</span>
        </span>
      ))}
    </p>
  );
}

interface OutcomeProps {
  readonly trial: TrialState;
  readonly tool: Tool;
  onAnswer(answers: Readonly<Record<string, QuestionAnswer>>): Promise<void>;
}

export function Outcome({ trial, tool, onAnswer }: OutcomeProps): JSX.Element {
  const { state, ms, progress, questions, round, request, answer, error } = trial;
  return (
    <section class="outcome" aria-live="polite">
      <p>
        <StateMark state={state} /> {ms !== undefined && <span class="hint">{duration(ms)}</span>}
      </p>
      {error !== undefined && <p class="banner bad">{error}</p>}
      {progress !== undefined && state === 'running' && (
        <p class="progress">
          <progress max={progress.total} value={progress.total === undefined ? undefined : progress.progress} />
          {progress.total === undefined ? progress.progress : `${progress.progress} of ${progress.total}`}{' '}
          {progress.message}
        </p>
      )}
      {questions !== undefined && state === 'asked' && (
        <Questions key={round} questions={questions} onAnswer={onAnswer} />
      )}
      <div class="raw">
        {(
          [
            ['Request', request],
            ['Answer', answer],
          ] as const
        ).map(([label, value]) =>
          value === undefined ? null : (
            <figure key={label}>
              <figcaption>
                {label}{' '}
                <CopyButton
                  label={`Copy the ${label.toLowerCase()}`}
                  text={() => JSON.stringify(value, undefined, 2)}
                />
              </figcaption>
              <pre tabIndex={0}>
                <code>{JSON.stringify(value, undefined, 2)}</code>
              </pre>
            </figure>
          ),
        )}
      </div>
      {trial.args !== undefined && <Copies tool={tool} args={trial.args} />}
    </section>
  );
}
