/** Every code of a failed call, and what to do about it. README.md has this table. */
export const FAILURES = {
  not_configured: 'Set TALLYFY_API_KEY and TALLYFY_ORG_ID in the environment of this server, and start it again.',
  unauthorized:
    'The API key is wrong, or has ended with a logout: make a new one in Tallyfy, under Settings > Integrations > REST API.',
  forbidden: 'The member whose API key this is may not do this: ask an administrator of the organization.',
  not_found: 'Look the id up with a list or search tool; it may also be archived, or belong to another organization.',
  invalid: 'Correct the arguments as the message says, and call again.',
  ambiguous: 'Name exactly one of the candidates, or give its id.',
  rate_limited: 'Wait for as long as the message says, then call again; ask for fewer things at once.',
  unavailable: 'Tallyfy could not answer. Read before you repeat a change: it may have been done.',
  timed_out: 'Tallyfy took too long. Read before you repeat a change: it may have been done.',
  unreachable:
    'Check the network, and the address given with --base-url. Read before you repeat a change: it may have been done.',
  unexpected_answer: 'Check that the address given with --base-url is that of the Tallyfy API.',
} as const;

export type FailureCode = keyof typeof FAILURES;

/** Why a call failed, in a form that a tool result can carry. */
export class Failure extends Error {
  readonly code: FailureCode;
  /** The HTTP status, where there was one. */
  readonly status: number | undefined;

  constructor(code: FailureCode, message: string, { status, cause }: { status?: number; cause?: unknown } = {}) {
    super(message, { cause });
    this.name = 'Failure';
    this.code = code;
    this.status = status;
  }

  /** The code, what was wrong, and what to do. */
  override toString(): string {
    return `${this.code}: ${this.message} ${FAILURES[this.code]}`;
  }
}
