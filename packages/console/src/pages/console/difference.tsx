import type { JSX } from 'preact';

export interface DifferenceProps {
  /** Of what. */
  readonly what: string;
  /** Empty where there was nothing. */
  readonly before: string;
  /** Empty where there is nothing any more. */
  readonly after: string;
}

/** What something was and what it is, as text, told apart without colour too. */
export function Difference({ what, before, after }: DifferenceProps): JSX.Element {
  return (
    <figure class="difference">
      <figcaption>{what}</figcaption>
      {before !== '' && (
        <p class="was">
          <span aria-label="before">−</span>
          <del>{before}</del>
        </p>
      )}
      {after !== '' && (
        <p class="is">
          <span aria-label="after">+</span>
          <ins>{after}</ins>
        </p>
      )}
    </figure>
  );
}
