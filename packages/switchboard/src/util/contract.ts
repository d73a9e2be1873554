/** One thing that every implementation of a contract does, for any test runner. */
export interface ContractCase {
  /** A sentence of behaviour: the test's name. */
  title: string;
  /** Resolves when the implementation does it. @throws {AssertionError} otherwise. */
  run(): Promise<void>;
}
