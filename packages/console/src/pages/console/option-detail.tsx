import type { JSX } from 'preact';
import { typed } from '../common/form-text.ts';
import { Field } from './ask.tsx';
import { Detail, Facts } from './detail.tsx';
import type { ConfigurationEdit, ConfigurationFile, Option } from './facts.ts';
import type { Page } from './page.ts';

export interface OptionDetailProps {
  readonly page: Page;
  readonly option: Option;
  readonly file: ConfigurationFile | undefined;
  /** Why the file that there is cannot be changed from here. */
  readonly locked: string | undefined;
  onEdit(edit: ConfigurationEdit): void;
}

/** Why it cannot be changed here; undefined where it can. */
function whyNot({ page, option: { name, origin, secret }, file, locked }: OptionDetailProps): string | undefined {
  if (!page.mayAct) return 'To change it requires the role operator.';
  if (locked !== undefined) return `It cannot be changed here: ${locked}`;
  if (file === undefined) {
    return 'It cannot be changed here: Switchboard was started without a configuration file, or with several.';
  }
  if (secret === true) return 'It is a secret, so it is changed where Switchboard runs.';
  if (!file.options.includes(name)) {
    return 'It says who is let in, what is written down, or where Switchboard listens. Change it in the file.';
  }
  if (!/^(?:default|file)/.test(origin)) return `The ${origin} counts more than the file: change it there.`;
  return undefined;
}

/** One option: what it means, where its value is from, and how to change it. */
export function OptionDetail(props: OptionDetailProps): JSX.Element {
  const { page, option, file, onEdit } = props;
  const { name, describe, origin, secret, written } = option;
  // What holds may be another value: the file was changed since the start, or a flag counts more.
  const inFile = file?.values[name] ?? '';
  const kebab = name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
  const variable = `SWITCHBOARD_${name.replace(/[A-Z]/g, (letter) => `_${letter}`).toUpperCase()}`;
  const reason = whyNot(props);
  const submit = (event: SubmitEvent): void => {
    event.preventDefault();
    onEdit({ options: { [name]: typed(event.currentTarget, 'value') || null } });
  };
  return (
    <Detail title={name} onClose={() => page.show({ id: undefined }, false)}>
      <p>{describe}.</p>
      <Facts
        facts={{
          Value: <code>{written}</code>,
          'From the next start':
            file?.restartNeeded.includes(name) !== true ? undefined : file.options.includes(name) ? (
              <code>{inFile || String(option.default)}</code>
            ) : (
              'what the file says'
            ),
          Default: <code>{String(option.default)}</code>,
          Origin: origin,
          'In the file': <code>{name}</code>,
          Variable: <code>{variable}</code>,
          Flag: secret === true ? 'none, as others can read flags' : <code>{`--${kebab}`}</code>,
        }}
      />
      {reason === undefined ? (
        <form class="form" onSubmit={submit}>
          <Field
            label="Value in the file"
            name="value"
            value={inFile}
            hint={`As ${String(option.default)}; without a value, the default holds`}
          />
          <div class="buttons">
            <button type="submit" class="primary">
              Show the difference…
            </button>
            {inFile !== '' && (
              <button type="button" onClick={() => onEdit({ options: { [name]: null } })}>
                Back to the default…
              </button>
            )}
          </div>
        </form>
      ) : (
        <p class="hint">{reason}</p>
      )}
      <p class="hint">
        A flag counts more than the variable, and that more than the file
        {file === undefined ? '' : `, ${file.path}`}. Options take effect at the next start.
      </p>
    </Detail>
  );
}
