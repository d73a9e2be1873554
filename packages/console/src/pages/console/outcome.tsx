import type { JSX } from 'preact';
import { CopyButton } from '../common/copy-button.tsx';
import type { Status, Tool } from './facts.ts';
import { Questions } from './questions.tsx';
import { StateMark } from './state-mark.tsx';
import { asCommand, asCurl, asSdkCode, CREDENTIAL_HINT } from './tool-call.ts';
import type { QuestionAnswer, TrialState } from './trial.ts';
import { duration } from './words.ts';

const FORMS = [
  ['switchboard call', asCommand],
  ['curl', asCurl],
  ['TypeScript', asSdkCode],
] as const;

interface CopiesProps {
  readonly status: Status | undefined;
  readonly tool: Tool;
  readonly args: object;
}

/** The same call for elsewhere. Curl speaks to the tools as plain HTTP, where that is served. */
function Copies({ status, tool, args }: CopiesProps): JSX.Element {
  const { authentication = false, rest = true } = status ?? {};
  const { origin } = location;
  return (
    <>
      <p class="copies">
        <span class="hint">The same call elsewhere:</span>
        {FORMS.filter(([name]) => name !== 'curl' || rest).map(([name, write]) => (
          <span key={name} class="copy">
            <CopyButton label={`Copy as ${name}`} text={() => write({ origin, authentication }, tool, args)} />
            <span class="hint">{name}</span>
          </span>
        ))}
      </p>
      {authentication && <p class="hint">{CREDENTIAL_HINT}</p>}
    </>
  );
}

interface OutcomeProps {
  readonly status: Status | undefined;
  readonly trial: TrialState;
  readonly tool: Tool;
  onAnswer(answers: Readonly<Record<string, QuestionAnswer>>): Promise<void>;
}

export function Outcome({ status, trial, tool, onAnswer }: OutcomeProps): JSX.Element {
  const { state, ms, progress, questions, round, request, answer, error } = trial;
  return (
    <section class="outcome">
      {/* Not what changes with each step: it would be announced each time. */}
      <p aria-live="polite">
        <StateMark state={state} /> {ms !== undefined && <span class="hint">{duration(ms)}</span>}
      </p>
      {error !== undefined && (
        <p class="banner bad" role="alert">
          {error}
        </p>
      )}
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
      {trial.args !== undefined && <Copies status={status} tool={tool} args={trial.args} />}
    </section>
  );
}
