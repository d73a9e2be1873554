import type { JSX } from 'preact';
import { useState } from 'preact/hooks';
import { Form } from '../common/form.tsx';
import type { Tool } from './facts.ts';
import { argumentsOf, isFlat } from './tool-call.ts';

/** The arguments of a call: the fields of a form where the schema is simple enough, or JSON. */
export function Arguments({
  tool,
  send = 'Call',
  running,
  onCall,
  onCancel,
}: {
  readonly tool: Tool;
  /** What the button says. @default Call */
  readonly send?: string;
  readonly running: boolean;
  onCall(args: Record<string, unknown>): void;
  onCancel(): void;
}): JSX.Element {
  const [asJson, setAsJson] = useState(!isFlat(tool.inputSchema));
  const [text, setText] = useState('{}');
  const [wrong, setWrong] = useState<string>();
  const cancel = running ? (
    <button type="button" onClick={onCancel}>
      Cancel
    </button>
  ) : (
    isFlat(tool.inputSchema) && (
      <button type="button" onClick={() => setAsJson(!asJson)}>
        {asJson ? 'As a form' : 'As JSON'}
      </button>
    )
  );
  if (!asJson) {
    return <Form schema={tool.inputSchema} send={running ? 'Call again' : send} buttons={cancel} onContent={onCall} />;
  }
  const submit = (event: SubmitEvent): void => {
    event.preventDefault();
    const read = argumentsOf(text);
    setWrong(read.wrong);
    if (read.args !== undefined) onCall(read.args);
  };
  return (
    <form class="form" onSubmit={submit}>
      <div class="row">
        <label for="arguments">Arguments, as JSON</label>
        <textarea
          id="arguments"
          class="code"
          rows={6}
          spellcheck={false}
          value={text}
          aria-invalid={wrong !== undefined}
          aria-describedby="arguments-wrong"
          onInput={({ currentTarget }) => setText(currentTarget.value)}
        />
        <p class="wrong" id="arguments-wrong">
          {wrong}
        </p>
      </div>
      <div class="buttons">
        <button type="submit" class="primary">
          {send}
        </button>
        {cancel}
      </div>
    </form>
  );
}
