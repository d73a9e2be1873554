import type { JSX } from 'preact';

export interface TabsProps {
  /** What is chosen. */
  readonly label: string;
  readonly name: string;
  readonly value: string;
  /** Values with their words. */
  readonly choices: readonly (readonly [string, string])[];
  onChoose(value: string): void;
}

/** One of a few, in a row. */
export function Tabs({ label, name, value, choices, onChoose }: TabsProps): JSX.Element {
  return (
    <div class="range" role="radiogroup" aria-label={label}>
      {choices.map(([key, words]) => (
        <label key={key}>
          <input type="radio" name={name} checked={value === key} onChange={() => onChoose(key)} />
          {words}
        </label>
      ))}
    </div>
  );
}
