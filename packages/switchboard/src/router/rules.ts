/** Patterns with `*`. What `deny` names is refused; of the rest, what `allow` names is let through. */
export interface Rules {
  /** @default everything */
  allow?: readonly string[] | undefined;
  /** @default nothing */
  deny?: readonly string[] | undefined;
}
