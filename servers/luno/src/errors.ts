/** What can go wrong, and what to do about it. README.md has the same table, and a test compares them. */
export const ERRORS = {
  invalid_argument: 'Change the argument that the message names, and call again.',
  credentials_missing: 'Set LUNO_API_KEY_ID and LUNO_API_SECRET in the environment of this server, and start it again.',
  credentials_refused: 'Check LUNO_API_KEY_ID and LUNO_API_SECRET: Luno does not know them, or the key was revoked.',
  not_permitted: 'Give the API key the permission it lacks, in the settings of the Luno account.',
  not_found: 'Check the name or the id; list_markets, list_orders and get_balances tell those there are.',
  duplicate_order: 'An order with this client_order_id exists: look at it with get_order before you place another.',
  refused: 'Luno refused the call for the reason given: change the arguments, or wait until the market allows it.',
  rate_limited: 'Wait as long as retry_after_seconds says, then call again.',
  unavailable: 'Luno cannot be reached or has a fault: call again later.',
  timeout: 'Luno did not answer in time: call again later.',
  outcome_unknown:
    'The call may or may not have taken effect: look with get_order or list_orders before you repeat it.',
  unexpected_answer: 'The answer is not one that this server understands: see whether a newer version of it does.',
  declined: 'The user did not agree, and nothing was done: ask the user what they want instead.',
} as const satisfies Record<string, string>;

export type ErrorCode = keyof typeof ERRORS;

export interface ErrorDetails {
  /** The HTTP status, if Luno answered. */
  status?: number;
  /** Luno's own code, such as `ErrInsufficientBalance`. */
  lunoCode?: string;
  /** Milliseconds after which the call may be repeated. */
  retryAfterMs?: number;
  cause?: unknown;
}

/** An error of this server, with a code of the table. The message names the offending value and never a secret. */
export class LunoError extends Error {
  readonly code: ErrorCode;
  readonly details: Omit<ErrorDetails, 'cause'>;

  constructor(code: ErrorCode, message: string, { cause, ...details }: ErrorDetails = {}) {
    super(message, { cause });
    this.name = 'LunoError';
    this.code = code;
    this.details = details;
  }

  /** What to do about it. */
  get advice(): string {
    return ERRORS[this.code];
  }
}
