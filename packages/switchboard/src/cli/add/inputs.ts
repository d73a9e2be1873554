/** What a server needs to know before it can be started: keys, folders, choices. */
import { isWritable, namesSecret } from '../adopt/secrets.ts';

export interface Input {
  name: string;
  isRequired: boolean;
  isSecret: boolean;
  fallback?: string | undefined;
  choices?: readonly string[] | undefined;
  description?: string | undefined;
}

/**
 * Finds values: what `--set` gives, else a variable of the environment of that name, else the default. Every text that comes from a
 * description of a server, or is given for it, stands for itself: a variable that it names is not filled in.
 */
export class Inputs {
  readonly #given: ReadonlyMap<string, string>;
  readonly #environment: Readonly<Record<string, string | undefined>>;
  readonly #keep: (name: string, value: string) => string;
  readonly #used: Set<string> = new Set();
  /** Those that must have a value and have none. */
  readonly missing: Map<string, Input> = new Map();
  /** What is wrong with values. */
  readonly problems: string[] = [];

  /** @param keep puts a secret where only its owner reads it. @returns the variable that has it */
  constructor(
    given: ReadonlyMap<string, string>,
    environment: Readonly<Record<string, string | undefined>>,
    keep: (name: string, value: string) => string,
  ) {
    this.#given = given;
    this.#environment = environment;
    this.#keep = keep;
  }

  /** @returns the text for the configuration; undefined where there is no value */
  valueOf(input: Input): string | undefined {
    const { name, isRequired, isSecret, fallback, choices } = input;
    const given = this.#given.get(name);
    if (given !== undefined) {
      this.#used.add(name);
      if (choices !== undefined && choices.length > 0 && !choices.includes(given)) {
        this.problems.push(`${name}: expected one of ${choices.join(', ')}`);
      }
      if (!isSecret && !namesSecret(name)) return literal(given);
      if (isWritable(given)) return `\${env:${this.#keep(name, given)}}`;
      this.problems.push(`${name}: the value cannot be written into a file of variables`);
      return undefined;
    }
    if (/^[A-Za-z_]\w*$/.test(name) && this.#environment[name] !== undefined) return `\${env:${name}}`;
    if (fallback !== undefined) return literal(fallback);
    if (isRequired) this.missing.set(name, input);
    return undefined;
  }

  /** Names that were given, and that nothing asked for. */
  get unknown(): string[] {
    return [...this.#given.keys()].filter((name) => !this.#used.has(name));
  }
}

/** A text in which nothing is filled in. */
export const literal = (text: string): string => text.replaceAll('${', () => '$${');
