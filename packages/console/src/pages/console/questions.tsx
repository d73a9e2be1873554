import type { JSX } from 'preact';
import { useState } from 'preact/hooks';
import { isRecord } from '../common/fields.ts';
import { Form } from '../common/form.tsx';
import type { QuestionAnswer } from './trial.ts';

export interface QuestionsProps {
  /** By keys of the server. As it sent them: nothing in them needs to have the type that it should have. */
  readonly questions: Readonly<Record<string, unknown>>;
  /** Settles when the answers have arrived, or could not be sent: then the last one can be given again. */
  onAnswer(answers: Readonly<Record<string, QuestionAnswer>>): Promise<void>;
}

const textIn = (value: unknown): string => (typeof value === 'string' ? value : '');

/** What a server asks while a tool of it is tried, one question after the other. */
export function Questions({ questions, onAnswer }: QuestionsProps): JSX.Element {
  const [given, setGiven] = useState<Readonly<Record<string, QuestionAnswer>>>({});
  const [sending, setSending] = useState(false);
  const entries = Object.entries(questions);
  const [key, question] = entries.find(([each]) => !Object.hasOwn(given, each)) ?? ['', undefined];
  const params = isRecord(question) && isRecord(question['params']) ? question['params'] : {};
  const schema = isRecord(params['requestedSchema']) ? params['requestedSchema'] : {};
  const answer = (each: QuestionAnswer): void => {
    if (sending) return;
    const answers = { ...given, [key]: each };
    if (!entries.every(([name]) => Object.hasOwn(answers, name))) {
      setGiven(answers);
      return;
    }
    setSending(true);
    void onAnswer(answers).finally(() => setSending(false));
  };
  return (
    <section class="question" aria-label="Question of the server" aria-busy={sending}>
      <h4>The server asks</h4>
      <p class="prose-text">{textIn(params['message']) || 'It does not say what.'}</p>
      <Form
        key={key}
        schema={schema}
        send="Answer"
        buttons={
          <>
            <button type="button" onClick={() => answer({ action: 'decline' })}>
              Decline
            </button>
            <button type="button" onClick={() => answer({ action: 'cancel' })}>
              Dismiss
            </button>
          </>
        }
        onContent={(content) => answer({ action: 'accept', content })}
      />
      <p class="hint">What you answer goes to the server. Give it no password.</p>
    </section>
  );
}
