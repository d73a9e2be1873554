import { SwitchboardError } from '../protocol/errors.ts';

/** Reads `Name: value` flags. @throws {SwitchboardError} `SWB_CONFIG_INVALID`; the value is not repeated, it may be a secret. */
export function readHeaders(flags: readonly string[]): Record<string, string> {
  return Object.fromEntries(
    flags.map((flag) => {
      const [, name, value] = /^([!#$%&'*+.^_`|~0-9A-Za-z-]+):\s*(.*)$/.exec(flag) ?? [];
      if (name === undefined || value === undefined) {
        throw new SwitchboardError('SWB_CONFIG_INVALID', { detail: '--header: expected "Name: value"' });
      }
      return [name, value];
    }),
  );
}
