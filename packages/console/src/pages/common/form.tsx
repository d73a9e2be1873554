import type { ComponentChildren, JSX } from 'preact';
import { useId, useMemo, useRef, useState } from 'preact/hooks';
import { fieldsOf, initialEntries, readForm, type Entry, type Field, type FormSchema } from './fields.ts';

interface ControlProps {
  readonly field: Field;
  readonly entry: Entry;
  readonly id: string;
  /** Attributes that tie the control to its description and its error. */
  readonly described: { readonly 'aria-describedby': string; readonly 'aria-invalid': boolean };
  onEntry(entry: Entry): void;
}

function Control({ field, entry, id, described, onEntry }: ControlProps): JSX.Element {
  const { kind, input, choices, name, schema } = field;
  const onInput = (event: { readonly currentTarget: { readonly value: string } }): void => {
    onEntry(event.currentTarget.value);
  };
  if (kind === 'longText') {
    return <textarea id={id} name={name} rows={4} value={String(entry)} onInput={onInput} {...described} />;
  }
  if (kind === 'text' || kind === 'number') {
    const step = kind === 'number' ? (schema.type === 'integer' ? 1 : 'any') : undefined;
    // Each type of input has a type of its own in TypeScript; what they share is enough here.
    const type = input as 'text';
    return <input id={id} name={name} type={type} step={step} value={String(entry)} onInput={onInput} {...described} />;
  }
  const indexes = typeof entry === 'object' ? entry : [];
  if (kind === 'one' && choices.length > 6) {
    return (
      <select
        id={id}
        name={name}
        value={indexes[0] ?? ''}
        onChange={({ currentTarget: { value } }) => onEntry(value === '' ? [] : [Number(value)])}
        {...described}
      >
        <option value="">Choose…</option>
        {choices.map(({ label }, index) => (
          <option key={index} value={index}>
            {label}
          </option>
        ))}
      </select>
    );
  }
  const toggle = (index: number, on: boolean): void => {
    if (kind === 'one') onEntry([index]);
    else onEntry(on ? [...indexes, index].sort((a, b) => a - b) : indexes.filter((other) => other !== index));
  };
  return (
    <div class="choices">
      {choices.map(({ label }, index) => (
        <label key={index} class="choice">
          <input
            type={kind === 'one' ? 'radio' : 'checkbox'}
            id={index === 0 ? id : undefined}
            name={`${id} ${name}`}
            checked={indexes.includes(index)}
            onChange={({ currentTarget }) => toggle(index, currentTarget.checked)}
            {...described}
          />
          <span>{label}</span>
        </label>
      ))}
    </div>
  );
}

interface RowProps {
  readonly field: Field;
  readonly entry: Entry;
  readonly wrong: string | undefined;
  onEntry(entry: Entry): void;
}

function Row({ field, entry, wrong, onEntry }: RowProps): JSX.Element {
  const id = useId();
  const described = { 'aria-describedby': `${id}-about ${id}-wrong`, 'aria-invalid': wrong !== undefined };
  const about = (
    <>
      {field.description !== undefined && (
        <p class="about" id={`${id}-about`}>
          {field.description}
        </p>
      )}
    </>
  );
  const complaint = (
    <p class="wrong" id={`${id}-wrong`}>
      {wrong}
    </p>
  );
  if (field.kind === 'yesNo') {
    return (
      <div class="row">
        <label class="choice">
          <input
            id={id}
            name={field.name}
            type="checkbox"
            checked={entry === true}
            onChange={({ currentTarget }) => onEntry(currentTarget.checked)}
            {...described}
          />
          <span>{field.label}</span>
        </label>
        {about}
      </div>
    );
  }
  const label = (
    <>
      {field.label}
      {!field.required && <span class="optional"> optional</span>}
    </>
  );
  const control = <Control field={field} entry={entry} id={id} described={described} onEntry={onEntry} />;
  if (field.kind === 'many' || (field.kind === 'one' && field.choices.length <= 6)) {
    return (
      <fieldset class="row">
        <legend>{label}</legend>
        {about}
        {control}
        {complaint}
      </fieldset>
    );
  }
  return (
    <div class="row">
      <label for={id}>{label}</label>
      {about}
      {control}
      {complaint}
    </div>
  );
}

export interface FormProps {
  readonly schema: FormSchema;
  /** What the button says that sends the form. */
  readonly send: string;
  /** Further buttons. */
  readonly buttons?: ComponentChildren;
  /** What is below them. */
  readonly children?: ComponentChildren;
  onContent(content: Record<string, unknown>): void;
}

/** A form made from a JSON Schema. What is wrong is said beside its field when the form is sent, and again as it is mended. */
export function Form({ schema, send, buttons, children, onContent }: FormProps): JSX.Element {
  const fields = useMemo(() => fieldsOf(schema), [schema]);
  const [entries, setEntries] = useState(() => initialEntries(fields));
  const [tried, setTried] = useState(false);
  const form = useRef<HTMLFormElement>(null);
  const outcome = readForm(fields, entries);
  const errors = tried ? (outcome.errors ?? {}) : {};
  const submit = (event: Event): void => {
    event.preventDefault();
    setTried(true);
    if (outcome.errors === undefined) onContent(outcome.content);
    // Once the errors are drawn, the first of them is where to go on.
    else requestAnimationFrame(() => form.current?.querySelector<HTMLElement>('[aria-invalid="true"]')?.focus());
  };
  return (
    <form class="form" ref={form} noValidate onSubmit={submit}>
      {fields.map((field) => (
        <Row
          key={field.name}
          field={field}
          entry={entries[field.name] ?? ''}
          wrong={errors[field.name]}
          onEntry={(entry) => setEntries((before) => ({ ...before, [field.name]: entry }))}
        />
      ))}
      <div class="buttons">
        <button type="submit" class="primary">
          {send}
        </button>
        {buttons}
      </div>
      {children}
    </form>
  );
}
