import { LunoError } from './errors.ts';

/** Reads an address over which a key may be sent: by the safe protocol, or by the plain one to this machine. Throws `invalid_argument`. */
export function safeUrl(what: string, text: string, [safe, plain]: [string, string]): URL {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  const here =
    url && (url.hostname === 'localhost' || url.hostname === '[::1]' || /^127(\.\d+){3}$/.test(url.hostname));
  const right = url && (url.protocol === safe || (url.protocol === plain && here));
  if (url && right && !url.username && !url.password && !url.search) return url;
  throw new LunoError(
    'invalid_argument',
    `The ${what} '${url ? url.host : text}' is no ${safe}// address (${plain}// to this machine), without user, password and query.`,
  );
}

/** The address of a path below a base, which may have a path itself. */
export function below(base: URL, path: string): URL {
  return new URL(`${base.pathname.replace(/\/$/, '')}${path}`, base);
}
