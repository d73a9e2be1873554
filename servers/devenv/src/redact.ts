const REDACTED = '[redacted]';

/** A value of the environment shorter than this is no secret that could be told from ordinary words. */
const MIN_SECRET_LENGTH = 8;
const SECRET_NAME = /passw(or)?d|passphrase|secret|token|api_?key|access_?key|private_?key|credential/i;

// Repetitions are bounded, so that a long line takes linear time.
const PATTERNS: readonly (readonly [RegExp, string])[] = [
  [/-----BEGIN [A-Z ]{0,32}PRIVATE KEY-----[\s\S]*?(?:-----END [A-Z ]{0,32}PRIVATE KEY-----|$)/g, REDACTED],
  [/\b([a-z][a-z0-9+.-]{0,30}:\/\/)[^\s/@]{1,512}@/gi, `$1${REDACTED}@`],
  [/\b(authorization["']?\s{0,4}[:=]\s{0,4}["']?(?:bearer|basic|token)\s+)[^\s"']+/gi, `$1${REDACTED}`],
  [/\b(bearer\s+)[\w.~+/=-]{16,}/gi, `$1${REDACTED}`],
  [
    /((?:passw(?:or)?d|passphrase|secret|token|api[_-]?key|access[_-]?key|private[_-]?key|credentials?)[\w-]{0,64}["']?(?:\s{0,4}=\s{0,4}|\s{0,4}:\s{1,4}|\s{0,4}:(?=["'])))("[^"]*"|'[^']*'|[^\s,;&"']+)/gi,
    `$1${REDACTED}`,
  ],
  [/\b(?:gh[pousr]_|github_pat_|glpat-|npm_|xox[abeprs]-|sk-)[\w-]{16,}/g, REDACTED],
  [/\b(?:AKIA|ASIA)[A-Z0-9]{16}\b/g, REDACTED],
  [/\beyJ[\w-]{8,}\.[\w-]{8,}\.[\w-]*/g, REDACTED],
];

/**
 * Takes secrets out of what leaves this server: passwords in URLs, `NAME=value` and `name: value` of names that sound secret,
 * tokens of known forms, private keys, and the values of secret variables of this process's environment. It rather takes out
 * too much than too little.
 */
export class Redactor {
  readonly #values: readonly string[];

  /** @param environment variables whose values are secret if their names say so. */
  constructor(environment: Readonly<Record<string, string | undefined>> = {}) {
    this.#values = Object.entries(environment)
      .filter(([name, value]) => SECRET_NAME.test(name) && (value?.length ?? 0) >= MIN_SECRET_LENGTH)
      .map(([, value]) => value as string)
      // A value that contains another goes first.
      .sort((a, b) => b.length - a.length);
  }

  text(text: string): string {
    const known = this.#values.reduce((rest, value) => rest.replaceAll(value, REDACTED), text);
    return PATTERNS.reduce((rest, [pattern, replacement]) => rest.replace(pattern, replacement), known);
  }

  /** The same data with every string redacted; keys stay. */
  data<T>(data: T): T {
    if (typeof data === 'string') return this.text(data) as T;
    if (Array.isArray(data)) return data.map((item) => this.data(item as unknown)) as T;
    if (typeof data !== 'object' || data === null) return data;
    return Object.fromEntries(Object.entries(data).map(([key, value]) => [key, this.data(value as unknown)])) as T;
  }
}
