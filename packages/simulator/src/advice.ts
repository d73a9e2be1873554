/** What to do about errors that say more about how the run or the server was set up than about the server. */

interface Advice {
  /** Which errors it is for, as `errors` of a result names them. */
  code: RegExp;
  text: string;
}

const ADVICE: readonly Advice[] = [
  {
    code: /^(HTTP 429|31005)\b/,
    text: 'rate limited: raise the limit of the server (--rate-limit of Switchboard), or send less with --rate',
  },
  {
    code: /^(connect: .*\b)?(HTTP )?503\b|^31004\b|^closed 1013\b/,
    text: 'overloaded: use fewer --clients, or raise the limits of the server (--max-connections of Switchboard)',
  },
  {
    code: /^(connect: .*\b)?(HTTP )?40[13]\b|^connect: .*\b(Unauthorized|Forbidden)\b/,
    text: 'not let in: show a key or a token, such as --header "Authorization: Bearer …"',
  },
  {
    code: /^tool error$/,
    text: 'the tool itself failed: choose another with --tool, or give it other --args',
  },
];

/** One sentence for each kind of error there is one for, the most frequent first. */
export function adviceFor(errors: Readonly<Record<string, number>>): string[] {
  const codes = Object.entries(errors)
    .toSorted(([, a], [, b]) => b - a)
    .map(([code]) => code);
  return [...new Set(codes.flatMap((code) => ADVICE.find((advice) => advice.code.test(code))?.text ?? []))];
}
