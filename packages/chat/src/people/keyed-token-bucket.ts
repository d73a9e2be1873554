/** A token bucket for each person: an amount of queries, of tokens of a model or of attempts, which fills up again evenly in a time. */
export interface KeyedTokenBucketOptions {
  amount: number;
  /** In how long the whole amount is there again, in ms. */
  perMs: number;
  /** The clock, in ms. @default Date.now */
  now?: () => number;
}

interface Account {
  left: number;
  at: number;
}

/** How many people are remembered; who was quiet longest is forgotten first. */
const MAX_ACCOUNTS = 10_000;

export class KeyedTokenBucket {
  readonly #options: Required<KeyedTokenBucketOptions>;
  /** In the order of last use. */
  readonly #accounts: Map<string, Account> = new Map();

  constructor(options: KeyedTokenBucketOptions) {
    this.#options = { now: Date.now, ...options };
  }

  /** How long this person must wait before there is at least `cost`, in ms; 0 when there is. */
  wait(person: string, cost = 1): number {
    const { amount, perMs } = this.#options;
    const { left } = this.#account(person);
    return left >= cost ? 0 : Math.ceil(((cost - left) * perMs) / amount);
  }

  /** Uses some. What was used after all may be more than there was; then it is owed. */
  spend(person: string, cost = 1): void {
    this.#account(person).left -= cost;
  }

  /** Gives back what was spent for nothing. */
  refund(person: string, cost = 1): void {
    const account = this.#account(person);
    account.left = Math.min(this.#options.amount, account.left + cost);
  }

  #account(person: string): Account {
    const { amount, perMs, now } = this.#options;
    const at = now();
    const account = this.#accounts.get(person) ?? { left: amount, at };
    account.left = Math.min(amount, account.left + ((at - account.at) * amount) / perMs);
    account.at = at;
    this.#accounts.delete(person);
    this.#accounts.set(person, account);
    if (this.#accounts.size > MAX_ACCOUNTS) {
      const [oldest] = this.#accounts.keys();
      if (oldest !== undefined) this.#accounts.delete(oldest);
    }
    return account;
  }
}
