import type { JSX } from 'preact';
import { useState } from 'preact/hooks';
import { isRecord } from '../common/fields.ts';
import { Form } from '../common/form.tsx';
import type { QuestionAnswer } from './trial.ts';

export interface QuestionsProps {
  /** By keys of the server. As it sent them: nothing in them needs to have the type that it should have. */
  readonly questions: Readonly<Record<string, unknown>>;
  onAnswer(answers: Readonly<Record<string, QuestionAnswer>>): void;
}

const textIn = (value: unknown): string => (typeof value === 'string' ? value : '');

/** What a server asks while a tool of it is tried, one question after the other. */
export function Questions({ questions, onAnswer }: QuestionsProps): JSX.Element {
  const [given, setGiven] = useState<Readonly<Record<string, QuestionAnswer>>>({});
  const entries = Object.entries(questions);
  const [key, question] = entries.find(([each]) => !Object.hasOwn(given, each)) ?? ['', undefined];
  const params = isRecord(question) && isRecord(question['params']) ? question['params'] : {};
  const schema = isRecord(params['requestedSchema']) ? params['requestedSchema'] : {};
  const answer = (each: QuestionAnswer): void => {
    const answers = { ...given, [key]: each };
    setGiven(answers);
    if (entries.every(([name]) => Object.hasOwn(answers, name))) onAnswer(answers);
  };
  return (
    <section class="question" aria-label="Question of the server">
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
