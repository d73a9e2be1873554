/** Who is calling, and on the strength of what. */

/** Who shows nothing where nothing has to be shown. */
export const ANONYMOUS = 'anonymous';

export interface Identity {
  /** Whose sessions, limits and members they are. What two ways in call by the same name is one principal. */
  readonly principal: string;
  /** Names of roles; what each may do is the configuration's to say. */
  readonly roles: readonly string[];
  /** The scopes of an OAuth token. */
  readonly scopes: readonly string[];
  /** Text claims of a token, for servers that ask for one of them. */
  readonly claims: Readonly<Record<string, string>>;
  /** When it ends, in ms since 1970. @default never */
  readonly expiresAt?: number;
  /** `load`: it is a client of a load that an operator runs, which has a limit of its own. */
  readonly via: 'nothing' | 'api key' | 'jwt' | 'token' | 'certificate' | 'load';
  /** What it was granted by, and can be taken back with. Safe to be shown. */
  readonly grant?: string;
}

export const NOBODY: Identity = {
  principal: ANONYMOUS,
  roles: [],
  scopes: [],
  claims: {},
  via: 'nothing',
};

/**
 * What a session, a stream or a resume token is bound to: the principal, and its rights, so that a weaker token of the same
 * principal does not take up what a stronger one began.
 */
export const bindingOf = ({ principal, roles }: Pick<Identity, 'principal' | 'roles'>): string =>
  JSON.stringify([principal, [...new Set(roles)].toSorted()]);

/** Whether what one of them opened may be used by the other. */
export const isSameCaller = (one: Identity, other: Identity): boolean =>
  one === other || bindingOf(one) === bindingOf(other);

/** Whether it can end while something is open for it: it expires, or can be taken back. */
export const canEnd = ({ expiresAt, grant }: Identity): boolean => expiresAt !== undefined || grant !== undefined;

export const isExpired = ({ expiresAt = Infinity }: Identity, now: number = Date.now()): boolean => expiresAt <= now;

/** Characters that a name may have which stands in logs, keys and tables. */
const NAME = /^[\p{L}\p{N}\p{P}\p{S} ]{1,200}$/u;

/** Whether a name can be a principal's. The one that stands for nobody cannot. */
export const isPrincipal = (name: unknown): name is string =>
  typeof name === 'string' && name !== ANONYMOUS && name.trim() === name && NAME.test(name);
