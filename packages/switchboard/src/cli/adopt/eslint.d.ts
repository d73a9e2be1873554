/** `toml-eslint-parser` names one type of ESLint, which it does not need, and which is not installed. */
declare module 'eslint' {
  export namespace SourceCode {
    type VisitorKeys = Readonly<Record<string, readonly string[]>>;
  }
}
